import { describeFaults } from '../faults/describe.ts'
import { CRASHES } from '../faults/disturbances.ts'
import { MONTH, STORIES } from '../faults/stories.ts'

describeFaults(STORIES, CRASHES)
describeFaults([MONTH], CRASHES, 7)
