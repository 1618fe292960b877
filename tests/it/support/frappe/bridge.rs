//! From a port of 127.0.0.1 to a Unix socket, as a proxy in front of a bench makes it.

use std::path::Path;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};
use tokio::task::AbortHandle;

/// Gone when dropped.
pub struct Bridge {
    pub port: u16,
    task: AbortHandle,
}

impl Bridge {
    pub async fn to(socket: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let socket = socket.to_owned();
        let accept = async move {
            while let Ok((mut here, _)) = listener.accept().await {
                let socket = socket.clone();
                tokio::spawn(async move {
                    if let Ok(mut there) = UnixStream::connect(&socket).await {
                        let _ = copy_bidirectional(&mut here, &mut there).await;
                    }
                });
            }
        };
        Self { port, task: tokio::spawn(accept).abort_handle() }
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.task.abort();
    }
}
