export { createLog, type Log, noLog } from '../telemetry/log.ts'
