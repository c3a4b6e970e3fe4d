//! The modules of the OpenID Foundation's suite, each as a test of its name: what the module checks.
//! `docs/conformance.md` lists them.

mod dpop;
mod fapi;
mod fapi_flow;
mod fapi_request;
mod fapi_signed;
mod fapi_token;
mod form_post;
mod logout;
mod openid;
mod openid_authorize;
mod openid_request;
