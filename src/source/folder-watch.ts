import { realpathSync, statSync } from 'node:fs'
import { watch as watchFiles } from 'chokidar'

/** Milliseconds of quiet that are waited for: an editor writes a file in several steps, a copy writes many files. */
export const SETTLE = 150
/** Changes that never end are told all the same, this often. */
const MOST = 700
/** How often it is looked whether the folder is still the one that is watched. */
const LOOK = 300

export type OpenWatcher = (path: string, options: Parameters<typeof watchFiles>[1]) => ReturnType<typeof watchFiles>

export interface FolderWatch {
  /** Why changes are not told any more, once that is so: the system has no room for so many. */
  readonly trouble: string | undefined
  stop(): Promise<void>
}

/**
 * Tells when something under a path may have changed: once for many changes, within a second. It outlives the folder: one that is deleted and made again,
 * moved away and replaced, or reached over a link that now leads elsewhere, is watched anew.
 */
export const watchFolder = (path: string, changed: () => void, open: OpenWatcher = watchFiles): FolderWatch => {
  let watcher: ReturnType<typeof watchFiles> | undefined
  let watched: string | undefined
  let trouble: string | undefined
  let timer: NodeJS.Timeout | undefined
  let first: number | undefined

  const soon = (): void => {
    const now = performance.now()
    first ??= now
    clearTimeout(timer)
    timer = setTimeout(
      () => {
        first = undefined
        changed()
      },
      Math.max(0, Math.min(SETTLE, first + MOST - now)),
    )
  }
  const close = async (): Promise<void> => {
    const old = watcher
    watcher = undefined
    await old?.close().catch(() => undefined)
  }
  const start = (life: { real: string; id: string }): void => {
    watched = life.id
    watcher = open(life.real, {
      ignoreInitial: true,
      followSymlinks: false,
      // A volume of Kubernetes changes all its files at once by turning one hidden link, `..data`.
      ignored: name =>
        HIDDEN.test(name.slice(life.real.length)) && !/^[/\\]\.\.data$/.test(name.slice(life.real.length)),
    })
    // What changed before every folder below is watched is told by nobody else.
    watcher.on('ready', soon).on('all', soon)
    watcher.on('error', error => {
      trouble = (error as NodeJS.ErrnoException).code ?? 'unknown'
      void close()
    })
  }
  // Whoever watches a folder is told nothing of its next life under the same name. Looking is cheap, and sees every way in which that happens.
  const look = (): void => {
    const life = lifeOf(path)
    if (life?.id === watched) return
    watched = life?.id
    trouble = undefined
    void close()
    if (life) start(life)
    soon()
  }
  const life = lifeOf(path)
  if (life) start(life)
  const looking = setInterval(look, LOOK)
  return {
    get trouble() {
      return trouble
    },
    stop: async () => {
      clearInterval(looking)
      clearTimeout(timer)
      await close()
    },
  }
}

const HIDDEN = /(^|[/\\])(\.[^/\\]+|node_modules)([/\\]|$)/

const lifeOf = (path: string): { real: string; id: string } | undefined => {
  try {
    const real = realpathSync(path)
    const { dev, ino } = statSync(real)
    return { real, id: `${dev}:${ino}:${real}` }
  } catch {
    return undefined
  }
}
