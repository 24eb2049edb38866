//! `OpenID` Connect, as a relying party.

pub mod id_token;
