//! Workers: the only code that names `worker`. Each file adapts one thing of the runtime to one port of the core.

pub mod background;
pub mod clock;
pub mod crossing;
pub mod document_cache;
pub mod environment;
mod event_stream;
pub mod expiring;
#[cfg(feature = "fault-injection")]
#[expect(missing_docs, reason = "the macro writes methods of its own")]
pub mod fault;
pub mod fetch;
pub mod forward;
mod glue;
pub mod headers;
pub mod isolate;
pub mod js;
pub mod log;
pub mod object;
pub mod once;
#[expect(missing_docs, reason = "the macro writes methods of its own")]
pub mod once_object;
pub mod platform;
pub mod random;
mod relay;
pub mod request;
pub mod response;
pub mod sessions;
pub mod shield;
pub mod sid_index;
#[expect(missing_docs, reason = "the macro writes methods of its own")]
pub mod sid_index_object;
pub mod sign;
pub mod signatures;
mod socket;
pub mod sql;
pub mod stream;
#[expect(missing_docs, reason = "the macro writes methods of its own")]
pub mod subject_object;
pub mod subject_table;
mod watch;
mod watchers;
pub mod worker_entry;
