//! Workers: the only code that names `worker`. Each file adapts one thing of the runtime to one port of the core.

pub mod background;
pub mod bindings;
pub mod buckets;
pub mod clock;
pub mod decisions;
pub mod document_cache;
pub mod environment;
pub mod fetch;
mod glue;
pub mod guard;
pub mod headers;
pub mod isolate;
pub mod js;
pub mod log;
pub mod object;
pub mod once;
pub mod pending_promise;
pub mod pending_request;
pub mod platform;
pub mod random;
pub mod request;
pub mod response;
pub mod sessions;
pub mod sid_index;
pub mod sign;
pub mod signatures;
pub mod stream;
pub mod tuples;

// The Worker of its own: its way in and out, and its objects.
#[cfg(feature = "entry")]
#[expect(missing_docs, reason = "the macro writes methods of its own")]
pub mod bucket_object;
#[cfg(feature = "entry")]
#[expect(missing_docs, reason = "the macro writes methods of its own")]
pub mod decision_object;
#[cfg(feature = "entry")]
mod event_stream;
#[cfg(feature = "entry")]
pub mod expiring;
#[cfg(feature = "entry")]
mod fault;
#[cfg(feature = "entry")]
pub mod forward;
#[cfg(feature = "entry")]
#[expect(missing_docs, reason = "the macro writes methods of its own")]
pub mod once_object;
#[cfg(feature = "entry")]
mod relay;
#[cfg(feature = "entry")]
#[expect(missing_docs, reason = "the macro writes methods of its own")]
pub mod sid_index_object;
#[cfg(feature = "entry")]
mod socket;
#[cfg(feature = "entry")]
pub mod sql;
#[cfg(feature = "entry")]
pub mod stepper;
#[cfg(feature = "entry")]
#[expect(missing_docs, reason = "the macro writes methods of its own")]
pub mod subject_object;
#[cfg(feature = "entry")]
pub mod subject_table;
#[cfg(feature = "entry")]
#[expect(missing_docs, reason = "the macro writes methods of its own")]
pub mod tuple_object;
#[cfg(feature = "entry")]
mod watch;
#[cfg(feature = "entry")]
mod watchers;
#[cfg(feature = "entry")]
pub mod worker_entry;
