import { defineConfig } from 'vitest/config'

// Integration tests start processes, servers or a browser, or play long stories. Every other folder under test/ is `unit` (api, architecture,
// decide, effects, manifests, reconcilers, runtime, …): no process, no network, the whole of it under a minute.
const integration = [
  'material',
  'e2e',
  'stories',
  'mail',
  'portal',
  'contract',
  'directories',
  'source',
  'cli',
  'store/kubernetes',
  'setup',
  'chart',
  'monitoring',
].map(folder => `test/${folder}/**/*.test.ts`)

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: integration } },
      { extends: true, test: { name: 'integration', include: integration } },
    ],
    // A process a file: node:sqlite, signals and the working folder are a process's own, and a crash stays in its file.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    unstubEnvs: true,
  },
})
