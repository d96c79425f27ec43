export { didYouMean } from '../manifests/suggest.ts'
