//! What waits for one reader.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use bytes::Bytes;
use tokio::sync::Notify;

/// Beyond this a reader that does not read is told that it missed something.
const MOST_BYTES: usize = 32 << 20;

/// What a subscription brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// In force (again): what is published from now on arrives; what was published before may have been missed.
    Ready,
    /// Something was published.
    Payload(Bytes),
}

#[derive(Default)]
pub(super) struct Queue {
    news: RefCell<VecDeque<News>>,
    bytes: Cell<usize>,
    filled: Notify,
}

impl Queue {
    pub(super) fn push(&self, news: News) {
        let bytes = self.bytes.get() + size(&news);
        let mut queue = self.news.borrow_mut();
        if bytes > MOST_BYTES {
            queue.clear();
            queue.push_back(News::Ready);
            self.bytes.set(size(&News::Ready));
        } else {
            queue.push_back(news);
            self.bytes.set(bytes);
        }
        self.filled.notify_one();
    }

    pub(super) fn try_next(&self) -> Option<News> {
        let news = self.news.borrow_mut().pop_front()?;
        self.bytes.set(self.bytes.get().saturating_sub(size(&news)));
        Some(news)
    }

    pub(super) async fn next(&self) -> News {
        loop {
            if let Some(news) = self.try_next() {
                return news;
            }
            self.filled.notified().await;
        }
    }
}

fn size(news: &News) -> usize {
    let payload = if let News::Payload(payload) = news { payload.len() } else { 0 };
    payload + size_of::<News>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_does_not_read_is_told_that_it_missed_something() {
        let queue = Queue::default();
        queue.push(News::Ready);
        let payload = |size| News::Payload(vec![0; size].into());
        queue.push(payload(MOST_BYTES / 2));
        queue.push(payload(MOST_BYTES / 2));
        queue.push(payload(1));
        assert_eq!(queue.try_next(), Some(News::Ready));
        assert_eq!(queue.try_next(), Some(payload(1)));
        assert_eq!(queue.try_next(), None);
        assert_eq!(queue.bytes.get(), 0);
    }
}
