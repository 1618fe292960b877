//! Connections as the kernel lists them, which is the only way to see that a server has closed one that nobody reads:
//! its farewell stands behind everything that was not read.

use std::fs;

/// The state of a connection that neither side has closed.
const ESTABLISHED: &str = "01";

/// How many of the connections from those ports of 127.0.0.1 the server on `port` has still open.
pub fn still_open(port: u16, clients: &[u16]) -> usize {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .map(|text| count(&text, port, clients))
        .sum()
}

fn count(text: &str, port: u16, clients: &[u16]) -> usize {
    let open = text.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
        (state == ESTABLISHED).then_some((port_of(local)?, port_of(remote)?))
    });
    open.filter(|(local, remote)| *local == port && clients.contains(remote)).count()
}

/// `0100007F:1F90` is 127.0.0.1:8080.
fn port_of(address: &str) -> Option<u16> {
    u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::{count, still_open};

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0100007F:1F90 0100007F:9C41 04 00000000:00000000 00:00000000 00000000     0        0 0
   3: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 3";

    #[test]
    fn counts_the_servers_side_only_while_it_is_open() {
        assert_eq!(count(TABLE, 8080, &[40_000, 40_001]), 1);
        assert_eq!(count(TABLE, 8080, &[40_001]), 0);
        assert_eq!(count(TABLE, 8081, &[40_000]), 0);
    }

    #[test]
    fn sees_a_close_that_the_client_does_not_read() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (server, _) = listener.accept().unwrap();
        let clients = [client.local_addr().unwrap().port()];
        assert_eq!(still_open(port, &clients), 1);
        drop(server);
        assert_eq!(still_open(port, &clients), 0);
    }
}
