//! The program of this machine that has a port. Linux tells it in /proc, of programs that the user may look at; nowhere else is it
//! asked for, and never where the engine is on another machine or in a virtual one.

use std::{collections::BTreeSet, fmt, fs, path::Path};

use crate::model::PublishedPort;

use super::Engine;

/// A program that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortProcess {
    /// Its name, as the system shows it.
    pub name: String,
    /// Its number.
    pub pid: u32,
}

impl fmt::Display for PortProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.pid)
    }
}

impl Engine {
    /// The program that has a port of this machine, where that can be known.
    pub async fn port_process(&self, port: &PublishedPort) -> Option<PortProcess> {
        if !self.info().address.starts_with("unix://") {
            return None;
        }
        let port = port.clone();
        tokio::task::spawn_blocking(move || listener(Path::new("/proc"), &port)).await.ok().flatten()
    }
}

fn listener(proc: &Path, port: &PublishedPort) -> Option<PortProcess> {
    let number = port.host_port?;
    let tables = ["net/tcp", "net/tcp6", "net/udp", "net/udp6"].iter().filter(|table| table.contains(&port.protocol));
    let inodes: BTreeSet<String> = tables
        .filter_map(|table| fs::read_to_string(proc.join(table)).ok())
        .flat_map(|table| sockets(&table, number, port.protocol == "tcp"))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if inodes.is_empty() {
        return None;
    }
    let holds = |folder: &Path| {
        fs::read_dir(folder.join("fd")).is_ok_and(|files| {
            let mut links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
            links.any(|link| link.to_str().is_some_and(|link| inodes.contains(link)))
        })
    };
    fs::read_dir(proc).ok()?.flatten().find_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let folder = entry.path();
        let name = fs::read_to_string(folder.join("comm")).ok()?;
        let name: String = name.trim().chars().filter(|c| !c.is_control()).collect();
        holds(&folder).then_some(PortProcess { name, pid })
    })
}

/// The inodes of the sockets that listen on a port, in a table of /proc/net (proc(5)): `sl local rem st …`, numbers in hex.
fn sockets(table: &str, port: u16, must_listen: bool) -> Vec<u64> {
    const LISTENS: &str = "0A";
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (_, number) = words.get(1)?.rsplit_once(':')?;
        let same = u16::from_str_radix(number, 16) == Ok(port);
        let listens = !must_listen || words.get(3) == Some(&LISTENS);
        words.get(9)?.parse().ok().filter(|_| same && listens)
    };
    table.lines().skip(1).filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_tells_who_listens() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0 100 0 0 10 0
   2: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4713 1 0 100 0 0 10 0
";
        assert_eq!(sockets(table, 8080, true), [4711]);
        assert_eq!(sockets(table, 8080, false), [4711, 4712]);
        assert!(sockets(table, 80, true).is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_program_is_found_by_its_socket() {
        let listening = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = PublishedPort {
            host_ip: "127.0.0.1".into(),
            host_port: Some(listening.local_addr().unwrap().port()),
            container_port: 0,
            protocol: "tcp".into(),
        };
        assert_eq!(listener(Path::new("/proc"), &port).unwrap().pid, std::process::id());
        drop(listening);
        assert_eq!(listener(Path::new("/proc"), &port), None);
    }
}
