//! File systems that report no changes made elsewhere: network ones, and those shared into a virtual machine.

use std::path::Path;

/// The name of a file system on which changes must be looked for; `None` where the kernel tells of them.
#[cfg(target_os = "linux")]
#[expect(clippy::useless_conversion, reason = "the type of `f_type` differs between architectures")]
pub(super) fn silent(folder: &Path) -> Option<&'static str> {
    // The kernel's magic numbers (linux/magic.h, and the modules of VirtualBox and Parallels).
    const SILENT: &[(i64, &str)] = &[
        (0x6969, "nfs"),
        (0x517b, "smb"),
        (0xff53_4d42, "cifs"),
        (0xfe53_4d42, "smb2"),
        (0x0102_1997, "9p"),
        (0x6573_5546, "fuse"),
        (0x786f_4256, "vboxsf"),
        (0x7c7c_6673, "prl_fs"),
        (0x00c3_6400, "ceph"),
        (0x5346_414f, "afs"),
        (0x6b41_4653, "kafs"),
    ];
    let kind = i64::from(rustix::fs::statfs(folder).ok()?.f_type) & 0xffff_ffff;
    SILENT.iter().find(|(magic, _)| *magic == kind).map(|(_, name)| *name)
}

/// Elsewhere the system's own watching covers what is mounted.
#[cfg(not(target_os = "linux"))]
pub(super) fn silent(_: &Path) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_folders_report_their_changes() {
        assert_eq!(silent(&std::env::temp_dir()), None);
        assert_eq!(silent(Path::new("/nonexistent")), None);
    }
}
