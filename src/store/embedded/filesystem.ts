/**
 * File systems on which SQLite's locks or shared memory cannot be trusted between processes (sqlite.org/wal.html: "All processes using a database must be on
 * the same host computer; WAL does not work over a network filesystem").
 * Magic numbers as in statfs(2); on systems other than Linux the number means nothing, and nothing is refused.
 */
const NETWORK: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0x01021997, '9p'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
  [0x73757245, 'Coda'],
  [0x0bd00bd0, 'Lustre'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x47504653, 'GPFS'],
  [0x786f4256, 'VirtualBox shared folder'],
])
const FUSE = 0x65735546
/** What comes through FUSE and yet lies on a disk of this machine. */
const LOCAL_FUSE: readonly string[] = [
  'fuseblk',
  'fuse.fuse-overlayfs',
  'fuse.ntfs-3g',
  'fuse.exfat',
  'fuse.ecryptfs',
  'fuse.gocryptfs',
  'fuse.cryfs',
]

/**
 * Name of the network file system, or undefined where the store may live.
 * @param type number from statfs(2)
 * @param mountType type of the mount by name (`/proc/self/mountinfo`), which tells what is behind FUSE; undefined where unknown
 */
export const networkFileSystem = (type: number, mountType: string | undefined): string | undefined => {
  // Some systems hand the number out with its sign.
  const magic = type >>> 0
  if (magic !== FUSE) return NETWORK.get(magic)
  if (mountType === undefined || LOCAL_FUSE.includes(mountType)) return undefined
  return mountType
}

/** The type of the mount that holds `path`, from the text of `/proc/self/mountinfo` (proc_pid_mountinfo(5)). */
export const mountTypeOf = (mountinfo: string, path: string): string | undefined => {
  let longest = -1
  let found: string | undefined
  for (const line of mountinfo.split('\n')) {
    const [mount, source] = line.split(' - ')
    const point = mount
      ?.split(' ')[4]
      ?.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    if (point === undefined || source === undefined || point.length < longest) continue
    if (path !== point && point !== '/' && !path.startsWith(`${point}/`)) continue
    longest = point.length
    found = source.split(' ')[0]
  }
  return found
}
