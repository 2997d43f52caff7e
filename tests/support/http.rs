//! A minimal HTTP client for a web server on this machine: one GET per connection.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::fastcgi::{Response, parse};

/// The longest time that a page may take.
const PAGE_DEADLINE: Duration = Duration::from_secs(90);

/// Requests a path from the server at this port. `cookies` is the text of a Cookie header, or
/// empty.
pub fn get(port: u16, path: &str, cookies: &str) -> io::Result<Response> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PAGE_DEADLINE))?;
    // HTTP/1.0 is used so that the answer ends with the connection.
    let cookies = if cookies.is_empty() { String::new() } else { format!("Cookie: {cookies}\r\n") };
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n{cookies}\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    // CGI has the status as a header of its own.
    let end = answer.iter().position(|&byte| byte == b' ').filter(|_| answer.starts_with(b"HTTP/1."));
    let end = end.ok_or_else(|| io::Error::other(format!("no answer but {} bytes", answer.len())))?;
    Ok(parse(&[b"Status:", &answer[end..]].concat(), &[]))
}
