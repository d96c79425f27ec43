import { describe, expect, test } from 'vitest'
import { mountTypeOf, networkFileSystem } from '../../../src/store/embedded/filesystem.ts'

describe('the file system of a store', () => {
  test.each([
    ['ext4', 0xef53, undefined, undefined],
    ['btrfs', 0x9123683e, undefined, undefined],
    ['btrfs, its number with a sign', 0x9123683e | 0, undefined, undefined],
    ['tmpfs', 0x01021994, undefined, undefined],
    ['overlay of a container', 0x794c7630, 'overlay', undefined],
    ['NFS', 0x6969, undefined, 'NFS'],
    ['SMB', 0xfe534d42, undefined, 'SMB'],
    ['CIFS, its number with a sign', 0xff534d42 | 0, undefined, 'CIFS'],
    ['a Windows disk in WSL', 0x01021997, undefined, '9p'],
    ['sshfs', 0x65735546, 'fuse.sshfs', 'fuse.sshfs'],
    ['a shared folder of a virtual machine', 0x65735546, 'virtiofs', 'virtiofs'],
    ['NTFS on a local disk', 0x65735546, 'fuseblk', undefined],
    ['FUSE, and nothing says what is behind it', 0x65735546, undefined, undefined],
    ['a system that gives no number', 0, undefined, undefined],
  ])('%s', (_, type, mountType, network) => {
    expect(networkFileSystem(type, mountType)).toBe(network)
  })
})

describe('a mount', () => {
  const mountinfo = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
36 22 0:32 / /home/it\\040team rw - fuse.sshfs it@files:/ rw
37 22 0:33 / /home rw shared:1 master:2 - nfs4 files:/home rw
38 22 0:34 / /srv rw - xfs /dev/vdb rw
39 22 0:35 / /srv rw - 9p host rw
`
  test.each([
    ['/', 'ext4'],
    ['/var/lib/roster', 'ext4'],
    ['/home', 'nfs4'],
    ['/home/it team/.roster', 'fuse.sshfs'],
    ['/home/it team', 'fuse.sshfs'],
    ['/home/it teams', 'nfs4'],
    ['/srv/x', '9p'],
  ])('of %s is %s: the longest that holds it, the last one over it', (path, type) => {
    expect(mountTypeOf(mountinfo, path)).toBe(type)
  })

  test('of an unreadable list is unknown', () => {
    expect(mountTypeOf('', '/srv')).toBeUndefined()
    expect(mountTypeOf('nonsense\n', '/srv')).toBeUndefined()
  })
})
