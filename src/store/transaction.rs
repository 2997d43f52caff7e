//! The release of [`RedisStore`] by a transaction ([`crate::protocol::transaction`]).

use std::time::Duration;

use redis::Value;

use super::redis::RedisStore;
use crate::{
    error::StoreError,
    protocol::{
        Keys, Release, ReleaseReply, reply,
        transaction::{self, Executed},
    },
    resp::Command,
};

impl RedisStore {
    /// Writes and releases the lock if nothing has changed since the session was read. Returns
    /// `None` if the script must do it.
    pub(super) fn release_by_transaction(
        &mut self,
        keys: &Keys,
        release: &Release<'_>,
    ) -> Result<Option<ReleaseReply>, StoreError> {
        let receipt_ms = self.receipt_ms();
        let limit = self.settings.read_timeout;
        self.drop_unusable();
        let Some(connection) = self.current() else { return Ok(None) };
        if !connection.transactions().take(release) {
            return Ok(None);
        }
        let mut batch = connection.batch();
        let expected = transaction::pack(keys, release, receipt_ms, &mut batch);
        let answer = connection.request_expecting(batch, expected, limit);
        let answer = self.conclude(answer.map(|answer| answer.unwrap_or(Value::Okay)));
        match self.tell_cluster(keys, answer) {
            Ok(Value::Okay) => Ok(Some(ReleaseReply::Done)),
            answer => {
                let executed =
                    answer.and_then(reply::several).and_then(|values| transaction::executed(&values));
                match self.checked(executed) {
                    Ok(Executed::Refused) => self.discard(),
                    Ok(Executed::Partly(error)) => {
                        // The lock is free, and the receipt says that the value was written. A
                        // further write of this session must not believe it.
                        let mut forget = Command::new("DEL");
                        forget.arg(keys.receipt(&release.receipt()));
                        self.request(keys, &mut forget, Duration::ZERO)?;
                        return Ok(Some(ReleaseReply::Refused(error)));
                    }
                    // Either nothing was carried out, or the script will ask for the receipt.
                    Ok(Executed::Changed) => {}
                    Err(failure) if failure.is_loss() => {}
                    Err(failure) => return Err(failure),
                }
                Ok(None)
            }
        }
    }

    /// Discards a transaction. In Redis 6.0, some refusals of EXEC leave the transaction open, and
    /// the commands that follow must not become a part of it. The reply will be dropped.
    pub(super) fn discard(&mut self) {
        let limit = self.settings.read_timeout;
        if let Some(connection) = self.current() {
            let _ = connection.send_unread(&mut Command::new("DISCARD"), limit);
        }
    }
}
