import { packageFiles } from '../../app/package-files.ts'
import { withExamples } from '../examples.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = (command, io) => {
  withExamples(command, ['crds | kubectl apply --server-side -f -', 'install them']).action(() => {
    io.out(
      packageFiles('crds')
        .map(({ text }) => (text.startsWith('---') ? text : `---\n${text}`))
        .join(''),
    )
  })
}
