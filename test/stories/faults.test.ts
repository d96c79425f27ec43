import { describeFaults } from '../faults/describe.ts'
import { TROUBLES } from '../faults/disturbances.ts'
import { MONTH, STORIES } from '../faults/stories.ts'

describeFaults(STORIES, TROUBLES)
describeFaults([MONTH], TROUBLES, 7)
