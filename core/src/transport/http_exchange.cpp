// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "transport/http_exchange.hpp"

#include "config/network.hpp"
#include "transport/reason.hpp"

#include <Poco/Net/Context.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/NetSSL.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>

#include <algorithm>
#include <array>
#include <istream>
#include <ostream>
#include <sstream>

namespace mesura::transport {
namespace {

namespace net = Poco::Net;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxBody = std::size_t{1} << 20;
constexpr int kMaxHeaders = 100;

bool takes_part(std::string_view text, std::string_view scheme) { return text.substr(0, scheme.size()) == scheme; }

Poco::Timespan left(const HttpLimits& limits) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(limits.deadline - Clock::now()).count();
  if (us <= 0) throw Poco::TimeoutException();
  return Poco::Timespan{us};
}

net::StreamSocket connect(const std::vector<runtime::SocketAddress>& addresses, const HttpLimits& limits) {
  for (std::size_t i = 0;; ++i) {
    try {
      net::StreamSocket socket;
      const Poco::Timespan share{left(limits).totalMicroseconds() / static_cast<std::int64_t>(addresses.size() - i)};
      socket.connect(net::SocketAddress{addresses[i].data(), addresses[i].size()}, share);
      socket.setNoDelay(true);
      return socket;
    } catch (const Poco::Exception&) {
      if (i + 1 >= addresses.size()) throw;
    }
  }
}

std::unique_ptr<net::HTTPClientSession> begin(const net::StreamSocket& socket, const HttpRequest& request,
                                              const HttpTls& tls) {
  if (!request.tls) return std::make_unique<net::HTTPClientSession>(socket);
  static const bool ready = [] {
    net::initializeSSL();
    return true;
  }();
  (void)ready;
  const auto mode = tls.insecure ? net::Context::VERIFY_NONE : net::Context::VERIFY_RELAXED;
  net::Context::Ptr context{
      new net::Context{net::Context::TLS_CLIENT_USE, "", "", tls.ca_file, mode, 9, tls.ca_file.empty()}};
  context->requireMinimumProtocol(net::Context::PROTO_TLSV1_2);
  context->enableExtendedCertificateVerification(!tls.insecure);
  // Not an HTTPSClientSession: given its socket, that one refuses to work. The socket does it all.
  return std::make_unique<net::HTTPClientSession>(net::SecureStreamSocket::attach(socket, request.host, context));
}

std::string read_body(std::istream& in) {
  std::string body;
  std::array<char, 16384> piece{};
  while (in.read(piece.data(), piece.size()) || in.gcount() > 0) {
    body.append(piece.data(), static_cast<std::size_t>(in.gcount()));
    if (body.size() > kMaxBody) break;
  }
  return body;
}

HttpAnswer failed(const HttpRequest& request, std::string_view expected, std::string_view got,
                  std::string_view hint = {}) {
  return {-1, make_reason({}, request.describe(), expected, got, hint).message};
}

/// The body as it stands, and whatever comes until the connection ends.
HttpAnswer ask_raw(net::StreamSocket& socket, const HttpRequest& request, const HttpLimits& limits) {
  socket.setSendTimeout(left(limits));
  for (std::size_t sent = 0; sent < request.body.size();) {
    constexpr std::size_t kPiece = 65536;
    const std::size_t piece = std::min(kPiece, request.body.size() - sent);
    const int n = socket.sendBytes(request.body.data() + sent, static_cast<int>(piece));
    if (n <= 0) throw net::NoMessageException();
    sent += static_cast<std::size_t>(n);
  }
  std::string all;
  std::array<char, 4096> piece{};
  for (;;) {
    socket.setReceiveTimeout(left(limits));
    const int n = socket.receiveBytes(piece.data(), static_cast<int>(piece.size()));
    if (n <= 0) break;
    all.append(piece.data(), static_cast<std::size_t>(n));
    if (all.size() > kMaxBody) return failed(request, "an answer of at most 1 MiB", "more");
  }
  if (Clock::now() >= limits.deadline) throw Poco::TimeoutException();
  if (all.empty()) throw net::NoMessageException();
  std::istringstream in{std::move(all)};
  net::HTTPResponse response;
  response.setFieldLimit(kMaxHeaders);
  response.read(in);
  return {static_cast<int>(response.getStatus()), read_body(in)};
}

HttpAnswer ask(net::HTTPClientSession& session, const HttpRequest& request, const HttpLimits& limits) {
  // The address of a session that was given its socket is for show only.
  session.setKeepAlive(false);
  const auto timeout = left(limits);
  session.setTimeout(timeout, timeout, timeout);
  net::HTTPRequest head{request.method, request.path, net::HTTPMessage::HTTP_1_1};
  head.setHost(request.host, request.port);
  head.set("User-Agent", "mesura");
  head.setKeepAlive(false);
  for (const auto& [name, value] : request.headers) head.set(name, value);
  const bool has_body = !request.body.empty() || request.method == "POST" || request.method == "PUT";
  if (has_body) head.setContentLength64(static_cast<std::int64_t>(request.body.size()));
  if (!request.body.empty()) head.setContentType(request.content_type);
  session.sendRequest(head) << request.body << std::flush;

  net::HTTPResponse response;
  response.setFieldLimit(kMaxHeaders);
  HttpAnswer answer;
  answer.body = read_body(session.receiveResponse(response));
  if (answer.body.size() > kMaxBody) return failed(request, "an answer of at most 1 MiB", "more");
  const bool whole = request.method == "HEAD" || response.getChunkedTransferEncoding() ||
                     response.getContentLength64() == net::HTTPMessage::UNKNOWN_CONTENT_LENGTH ||
                     static_cast<std::size_t>(response.getContentLength64()) <= answer.body.size() ||
                     response.getStatus() == net::HTTPResponse::HTTP_NO_CONTENT ||
                     response.getStatus() == net::HTTPResponse::HTTP_NOT_MODIFIED;
  if (Clock::now() >= limits.deadline) throw Poco::TimeoutException();
  if (!whole)
    return failed(request, std::to_string(response.getContentLength64()) + " bytes",
                  "only " + std::to_string(answer.body.size()) + " before the connection ended");
  answer.status = static_cast<int>(response.getStatus());
  return answer;
}

}  // namespace

std::string HttpRequest::peer() const { return runtime::join_host_port(host, port); }

std::string HttpRequest::describe() const { return method + (tls ? " https://" : " http://") + peer() + path; }

std::optional<HttpRequest> parse_http_request(std::string_view to, const HttpRequest& standard) {
  HttpRequest request = standard;
  request.to = to;
  const std::size_t blank = to.find(' ');
  if (blank == 0 || blank > 16) return std::nullopt;
  request.method = to.substr(0, blank);
  std::string_view rest = to.substr(blank + 1);
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto is_visible = [](char c) { return c > ' ' && c < '\x7F'; };
  if (!std::all_of(request.method.begin(), request.method.end(), is_upper)) return std::nullopt;
  if (rest.empty() || !std::all_of(rest.begin(), rest.end(), is_visible)) return std::nullopt;
  if (takes_part(rest, "http://") || takes_part(rest, "https://")) {
    request.tls = takes_part(rest, "https://");
    rest.remove_prefix(request.tls ? 8 : 7);
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    const std::string authority{rest.substr(0, end)};
    rest.remove_prefix(end);
    auto place = config::split_address(authority);
    if (!place) place = config::split_address(authority + (request.tls ? ":443" : ":80"));
    if (!place || place->port == 0) return std::nullopt;
    request.host = place->host;
    request.port = place->port;
  } else if (rest.front() != '/' || standard.host.empty()) {
    return std::nullopt;
  }
  request.path = rest.substr(0, 1) == "/" ? std::string{rest} : "/" + std::string{rest};
  return request;
}

HttpAnswer exchange(const HttpRequest& request, const std::vector<runtime::SocketAddress>& addresses,
                    const HttpTls& tls, const HttpLimits& limits, const std::function<void(int fd)>& on_socket) {
  const auto timed_out = [&] {
    return failed(request, "a whole answer",
                  "none within " +
                      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(limits.timeout).count()) +
                      " ms",
                  "is it reachable, and switched on?");
  };
  // Told before the socket closes, however it ends.
  struct Told {
    const std::function<void(int)>& on_socket;
    ~Told() { on_socket(-1); }
  };
  try {
    const auto socket = connect(addresses, limits);
    const Told told{on_socket};
    on_socket(socket.impl()->sockfd());
    const auto session = begin(socket, request, tls);
    if (request.method == kRawMethod) return ask_raw(session->socket(), request, limits);
    return ask(*session, request, limits);
  } catch (const Poco::TimeoutException&) {
    return timed_out();
  } catch (const Poco::Exception& e) {
    if (Clock::now() >= limits.deadline) return timed_out();
    if (dynamic_cast<const net::ConnectionRefusedException*>(&e) != nullptr)
      return failed(request, "a connection", "Connection refused",
                    "nothing listens there: is the device on, is the port right?");
    if (dynamic_cast<const net::NoMessageException*>(&e) != nullptr)
      return failed(request, "an answer", "the end of the connection");
    return failed(request, "an answer", e.displayText());
  } catch (const std::exception& e) {
    return failed(request, "an answer", e.what());
  }
}

}  // namespace mesura::transport
