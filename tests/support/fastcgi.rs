//! A minimal `FastCGI` client for php-fpm: one GET per connection.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const VERSION: u8 = 1;
const BEGIN_REQUEST: u8 = 1;
const END_REQUEST: u8 = 3;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;
const STDERR: u8 = 7;
const RESPONDER: u8 = 1;
/// A connection carries one request, so any id will do.
const REQUEST_ID: u8 = 1;

/// The answer of a page.
#[derive(Debug, Default)]
pub struct Response {
    pub status: u16,
    /// The headers, with their names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub stderr: String,
}

impl Response {
    /// The value of the cookie that the page sets.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .filter(|(header, _)| header == "set-cookie")
            .filter_map(|(_, value)| value.split(';').next()?.split_once('='))
            .find_map(|(cookie, value)| (cookie == name).then_some(value))
    }
}

/// Requests `script` from the `FastCGI` server at `socket`. `cookies` is the text of a Cookie
/// header, or empty. A query that begins with a slash is a whole URI, as behind a front controller.
pub fn get(
    socket: &Path,
    script: &Path,
    query: &str,
    cookies: &str,
    deadline: Duration,
) -> io::Result<Response> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(deadline))?;
    let script = script.to_str().expect("the script's path is UTF-8");
    let (uri, query) = match query.strip_prefix('/') {
        Some(_) => (query.to_owned(), query.split_once('?').map_or("", |(_, query)| query)),
        None => (format!("/page.php?{query}"), query),
    };
    let params = [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("REQUEST_METHOD", "GET"),
        ("SCRIPT_FILENAME", script),
        ("SCRIPT_NAME", "/page.php"),
        ("REQUEST_URI", &uri),
        ("QUERY_STRING", query),
        ("HTTP_COOKIE", cookies),
    ];
    let mut request = record(BEGIN_REQUEST, &[0, RESPONDER, 0, 0, 0, 0, 0, 0]);
    let params: Vec<u8> = params.iter().flat_map(|(name, value)| param(name, value)).collect();
    request.extend(record(PARAMS, &params));
    request.extend(record(PARAMS, &[]));
    request.extend(record(STDIN, &[]));
    stream.write_all(&request)?;
    read_response(&mut stream)
}

fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).expect("requests of tests are short").to_be_bytes();
    let mut record = vec![VERSION, kind, 0, REQUEST_ID, high, low, 0, 0];
    record.extend_from_slice(content);
    record
}

fn param(name: &str, value: &str) -> Vec<u8> {
    let mut param = Vec::new();
    for text in [name, value] {
        let length = u32::try_from(text.len()).expect("parameters of tests are short");
        // Four bytes with the highest bit set are valid for any length.
        param.extend((length | 0x8000_0000).to_be_bytes());
    }
    param.extend(name.bytes());
    param.extend(value.bytes());
    param
}

fn read_response(stream: &mut UnixStream) -> io::Result<Response> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    loop {
        let mut header = [0; 8];
        stream.read_exact(&mut header)?;
        let [_, kind, _, _, high, low, padding, _] = header;
        let mut content = vec![0; usize::from(u16::from_be_bytes([high, low])) + usize::from(padding)];
        stream.read_exact(&mut content)?;
        content.truncate(content.len() - usize::from(padding));
        match kind {
            STDOUT => stdout.extend(content),
            STDERR => stderr.extend(content),
            END_REQUEST => return Ok(parse(&stdout, &stderr)),
            other => return Err(io::Error::other(format!("a FastCGI record of type {other}"))),
        }
    }
}

/// Parses a CGI answer: headers, an empty line, the body.
pub fn parse(stdout: &[u8], stderr: &[u8]) -> Response {
    let text = String::from_utf8_lossy(stdout);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let headers: Vec<_> = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let status = headers
        .iter()
        .find(|(name, _)| name == "status")
        .map_or(Some(200), |(_, value)| value.split(' ').next()?.parse().ok());
    Response {
        status: status.expect("a status is a number"),
        headers,
        body: body.to_owned(),
        stderr: String::from_utf8_lossy(stderr).into_owned(),
    }
}
