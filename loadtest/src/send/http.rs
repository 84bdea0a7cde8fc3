//! HTTP/1.1 as a poster needs it: one request under way on a kept connection, and its answer (RFC 9112).
//!
//! Sans-I/O; the head of an answer is read by `httparse`. Limits: 32 header fields, 1 MiB of body; an answer must say its length.

/// Answers larger than this are refused.
const BODY_BYTES_MAX: usize = 1 << 20;

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// For HL7: whether the body acknowledges with AA or CA.
    pub hl7_accepted: bool,
    /// Whether the server keeps the connection.
    pub keeps: bool,
    /// Bytes of it.
    pub used: usize,
}

/// Reads one answer; None where more bytes are needed.
pub fn read(bytes: &[u8]) -> Result<Option<Answer>, String> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut answer = httparse::Response::new(&mut fields);
    let head = match answer.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(format!("not an HTTP answer: {error}")),
    };
    let status = answer.code.unwrap_or(0);
    let field = |name: &str| {
        let found = answer.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok().map(str::trim)
    };
    let keeps = !field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let length = match field("content-length").map(str::parse::<usize>) {
        Some(Ok(length)) if length <= BODY_BYTES_MAX => length,
        Some(_) => return Err("an answer whose length is not a number up to 1 MiB".into()),
        None if status == 204 => 0,
        None => return Err("an answer without Content-Length: a proxy in between must not chunk".into()),
    };
    let Some(body) = bytes.get(head..head + length) else { return Ok(None) };
    let acknowledges = |line: &[u8]| line.starts_with(b"MSA|AA|") || line.starts_with(b"MSA|CA|");
    let hl7_accepted = body.split(|byte| *byte == b'\r').any(acknowledges);
    Ok(Some(Answer { status, hl7_accepted, keeps, used: head + length }))
}

/// The head of every request to one path, up to the length.
pub fn head(host: &str, path: &str, token: &str, media_type: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: {media_type}\r\nContent-Length: "
    )
    .into_bytes()
}

/// Appends a request.
pub fn put(out: &mut Vec<u8>, head: &[u8], body: &[u8]) {
    out.extend_from_slice(head);
    crate::message::put_int(out, i64::try_from(body.len()).unwrap_or(i64::MAX));
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whole_or_not_at_all() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\nConnection: close\r\n\r\nMSH|x\rMSA|AA|1\r..HTTP";
        for until in 0..text.len() - 4 {
            assert_eq!(read(&text[..until]).unwrap(), None, "{until}");
        }
        let answer = read(text).unwrap().unwrap();
        assert_eq!(answer, Answer { status: 200, hl7_accepted: true, keeps: false, used: text.len() - 4 });
    }

    #[test]
    fn an_answer_without_a_length_is_refused_in_words() {
        assert!(read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap_err().contains("Content-Length"));
        assert!(read(b"SSH-2.0\r\n\r\n").is_err());
    }
}
