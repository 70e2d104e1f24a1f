//! The control socket in the file system: whose it is, and who may use it.

use std::{io, os::unix::fs::PermissionsExt, path::Path};

use tokio::net::UnixListener;

/// Takes the socket in place of one that nobody answers on: mode 0600, or 0660
/// where a group may use it.
pub(super) fn bind(path: &Path, group: Option<&str>) -> io::Result<UnixListener> {
    let group = group.map(group_number).transpose()?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another gateway answers there"));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    let mode = match group {
        None => 0o600,
        Some(_) => {
            std::os::unix::fs::chown(path, None, group)?;
            0o660
        }
    };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

/// `NAME:PASSWORD:NUMBER:MEMBERS` a line (group(5)).
pub fn group_number(name: &str) -> io::Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let groups = std::fs::read_to_string("/etc/group")?;
    let number = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        fields.next().filter(|its| *its == name)?;
        fields.nth(1)?.parse().ok()
    });
    let unknown = || format!("control_group: /etc/group has no group `{name}`");
    number.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, unknown()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_ours_alone_unless_a_group_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let _socket = bind(&path, None).unwrap();
        assert_eq!(mode(), 0o600);
        let own = std::os::unix::fs::MetadataExt::gid(&std::fs::metadata(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
        let _socket = bind(&path, Some(&own.to_string())).unwrap();
        assert_eq!(mode(), 0o660);
        std::fs::remove_file(&path).unwrap();
        let error = bind(&path, Some("no such group")).unwrap_err();
        assert!(error.to_string().contains("no group `no such group`"), "{error}");
        assert!(!path.exists());
        assert_eq!(group_number("root").unwrap(), 0);
    }
}
