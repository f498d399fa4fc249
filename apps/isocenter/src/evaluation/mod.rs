//! The files of an evaluation: the protocol and its CTs, the record of finished cases, the results.

pub(crate) mod protocol_file;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod results;
pub(crate) mod shard;

pub(crate) use protocol_file::ProtocolFile;
pub(crate) use record::{Header, Record};
pub(crate) use shard::Shard;
