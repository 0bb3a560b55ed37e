// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "rig.hpp"

#include "http/auth/authenticator.hpp"
#include "http/auth/password.hpp"
#include "http/head.hpp"
#include "runtime/socket_address.hpp"

#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

namespace mesura::test {

constexpr std::chrono::seconds kPatience{20};

std::string Reply::header(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    const auto end = rest.find("\r\n");
    const auto line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
    const auto colon = line.find(": ");
    if (colon != std::string_view::npos && http::equal_no_case(line.substr(0, colon), name))
      return std::string{line.substr(colon + 2)};
  }
  return {};
}

Client::Client(std::uint16_t port, const char* host, int receive_buffer) {
  const auto address = runtime::SocketAddress::parse(host, port).value();
  fd_ = runtime::UniqueFd{::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (receive_buffer > 0) ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  const timeval limit{kPatience.count(), 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (!fd_ || ::connect(fd_.get(), address.data(), address.size()) != 0)
    throw std::system_error(errno, std::system_category(), "connect");
}

Client::Client(Client&& other) noexcept
    : fd_(std::move(other.fd_)),
      context_(std::exchange(other.context_, nullptr)),
      ssl_(std::exchange(other.ssl_, nullptr)),
      in_(std::move(other.in_)) {}

Client::~Client() {
  ::SSL_free(ssl_);
  ::SSL_CTX_free(context_);
}

void Client::start_tls() {
  ::signal(SIGPIPE, SIG_IGN);  // OpenSSL has no MSG_NOSIGNAL
  context_ = ::SSL_CTX_new(::TLS_client_method());
  ssl_ = ::SSL_new(context_);
  ::SSL_set_fd(ssl_, fd_.get());
  if (::SSL_connect(ssl_) != 1) throw std::runtime_error("TLS handshake failed");
}

std::string Client::certificate_hash() const {
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  X509* const certificate = ::SSL_get1_peer_certificate(ssl_);
  ::X509_digest(certificate, ::EVP_sha256(), digest.data(), &size);
  ::X509_free(certificate);
  return {digest.begin(), digest.end()};
}

void Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ssl_ != nullptr ? ::SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                   : ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) throw std::runtime_error("the server took no more");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool Client::try_send(std::string_view bytes) {
  return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(bytes.size());
}

bool Client::fill() {
  std::array<char, 65536> block{};
  const auto n = ssl_ != nullptr ? ::SSL_read(ssl_, block.data(), static_cast<int>(block.size()))
                                 : ::recv(fd_.get(), block.data(), block.size(), 0);
  if (n < 0 && ssl_ == nullptr && (errno == EAGAIN || errno == EWOULDBLOCK))
    throw std::runtime_error("no answer within 20 s; so far: " + in_);
  if (n <= 0) return false;
  in_.append(block.data(), static_cast<std::size_t>(n));
  return true;
}

std::string Client::receive(std::size_t most) {
  if (in_.empty()) fill();
  auto out = in_.substr(0, most);
  in_.erase(0, out.size());
  return out;
}

std::string Client::receive_all() {
  while (fill()) {
  }
  return std::exchange(in_, {});
}

Reply Client::read_reply(bool head_only) {
  Reply reply;
  const auto need = [&](std::size_t size) {
    while (in_.size() < size)
      if (!fill()) throw std::runtime_error("the connection ended in an answer: " + reply.head + in_);
  };
  std::size_t end = 0;
  while ((end = in_.find("\r\n\r\n")) == std::string::npos)
    if (!fill()) throw std::runtime_error("the connection ended without an answer: " + in_);
  reply.head = in_.substr(0, end + 2);
  in_.erase(0, end + 4);
  reply.status = std::atoi(reply.head.c_str() + 9);
  if (head_only || reply.status == 204 || reply.status == 304 || reply.status < 200) return reply;
  if (reply.header("Transfer-Encoding") == "chunked") {
    for (;;) {
      std::size_t line = 0;
      while ((line = in_.find("\r\n")) == std::string::npos)
        if (!fill()) throw std::runtime_error("the connection ended in a chunk");
      const auto size = std::stoul(in_.substr(0, line), nullptr, 16);
      need(line + 2 + size + 2);
      reply.body += in_.substr(line + 2, size);
      in_.erase(0, line + 2 + size + 2);
      if (size == 0) return reply;
    }
  }
  if (const auto length = reply.header("Content-Length"); !length.empty()) {
    const auto size = std::stoul(length);
    need(size);
    reply.body = in_.substr(0, size);
    in_.erase(0, size);
    return reply;
  }
  reply.body = receive_all();
  return reply;
}

Reply Client::get(std::string_view path, std::string_view more_headers) {
  send("GET " + std::string{path} + " HTTP/1.1\r\nHost: localhost\r\n" + std::string{more_headers} + "\r\n");
  return read_reply();
}

Reply Client::post(std::string_view path, std::string_view body, std::string_view more_headers) {
  send("POST " + std::string{path} +
       " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
       std::to_string(body.size()) + "\r\n" + std::string{more_headers} + "\r\n" + std::string{body});
  return read_reply();
}

bool Client::wait_closed(std::chrono::milliseconds patience) {
  const auto until = std::chrono::steady_clock::now() + patience;
  std::array<char, 65536> block{};
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd poll{fd_.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&poll, 1, static_cast<int>(left.count())) <= 0) return false;
    if (::recv(fd_.get(), block.data(), block.size(), 0) <= 0) return true;
  }
}

LogLines::LogLines() {
  log_->set_level(runtime::Level::trace);
  log_->add_output([this](const runtime::LogRecord& record) {
    const std::lock_guard lock{mutex_};
    ((((text_ += to_string(record.level)) += ' ') += record.code) += ": ") += record.message;
    text_ += '\n';
    changed_.notify_all();
  });
}

std::string LogLines::text() const {
  const std::lock_guard lock{mutex_};
  return text_;
}

bool LogLines::wait_for(std::string_view part) const {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, kPatience, [&] { return text_.find(part) != std::string::npos; });
}

void Gate::open() {
  const std::lock_guard lock{mutex_};
  open_ = true;
  changed_.notify_all();
}

bool Gate::wait() {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, kPatience, [&] { return open_; });
}

bool eventually(const std::function<bool()>& condition) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return true;
}

http::Response text_response(std::string body) {
  http::Response response;
  response.content_type = "text/plain";
  response.body = std::move(body);
  return response;
}

http::Route route(std::string method, std::string pattern, http::Handler handler, http::Route::Run run,
                  http::Role role) {
  return {std::move(method), std::move(pattern), role, run, std::move(handler)};
}

Rig::Rig(std::vector<http::Route> routes, http::ServerOptions options, http::ListenerOptions listener,
         std::shared_ptr<http::Authenticator> authenticator)
    : server(options, std::move(authenticator), log.logger()) {
  if (routes.empty()) routes.push_back(route("GET", "/hello", [](const auto&) { return text_response("hello\n"); }));
  for (auto& text : listener.listen)
    if (text == "127.0.0.1:8080") text = "127.0.0.1:0";
  server.add_listener(std::move(listener), std::move(routes));
  server.start();
}

}  // namespace mesura::test
