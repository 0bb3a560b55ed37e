// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/front.hpp"

#include "http/listen_address.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <system_error>
#include <utility>

namespace mesura::http {
namespace {

constexpr int kSendBuffer = 128 * 1024;  // of each socket: what a client that does not read may hold of the kernel

runtime::UniqueFd listen_on(const runtime::SocketAddress& address, int& error) {
  runtime::UniqueFd fd{::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const int yes = 1, no = 0;
  if (fd) {
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
    if (address.family() == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    if (::bind(fd.get(), address.data(), address.size()) == 0 && ::listen(fd.get(), SOMAXCONN) == 0) return fd;
  }
  error = errno;
  return {};
}

}  // namespace

Front::Front(const ServerOptions& options, std::shared_ptr<Authenticator> authenticator, runtime::Logger log)
    : options_(options),
      authenticator_(std::move(authenticator)),
      log_(std::move(log)),
      access_log_(log_),
      stream_slots_(std::make_shared<Slots>(options_.streams)),
      event_slots_(std::make_shared<Slots>(options_.event_streams)),
      workers_(std::make_unique<Workers>(options_.workers, options_.queue)) {}

Front::~Front() {
  stop(std::chrono::milliseconds{0});
  for (auto& [id, connection] : std::exchange(connections_, {})) graveyard_.push_back(std::move(connection));
}

void Front::add_listener(ListenerOptions options, std::vector<Route> routes) {
  if (const auto refusal = refuse_listener(options)) throw ListenError(refusal->code, text_of(*refusal));
  for (const auto& warning : warn_listener(options)) log_.warn(warning.code, "{}", text_of(warning));
  auto listener = std::make_unique<Listener>(Listener{{std::move(options), Router{std::move(routes)}}, nullptr});
  auto& rules = listener->rules;
  rules.authenticator = authenticator_.get();
  if (rules.options.tls) listener->tls = std::make_unique<TlsContext>(*rules.options.tls, log_);
  for (const auto& text : rules.options.listen) bind(*listener, text);
  if (rules.options.login && rules.options.anonymous == Role::none &&
      (!authenticator_ || !authenticator_->has_accounts()))
    log_.warn("http-no-accounts",
              "listener '{}' takes a login, and there is no user and no token\n  hint      mesura user "
              "add NAME, or mesura token add NAME",
              rules.options.name);
  listeners_.push_back(std::move(listener));
}

void Front::bind(Listener& listener, const std::string& text) {
  const auto wanted = *parse_listen_address(text);
  std::string why;
  bool any = false, taken = false;
  for (const auto& address : resolve_listen(wanted)) {
    int error = 0;
    auto fd = listen_on(address, error);
    if (!fd) {
      why = fmt::format("{}: {}", address.to_string(), std::generic_category().message(error));
      // One family may be missing on this machine; an address in use is the user's to know.
      taken = error == EADDRINUSE || error == EACCES;
      if (taken) break;
      continue;
    }
    any = true;
    const auto bound = runtime::SocketAddress::of_socket(fd.get());
    listener.rules.loopback = listener.rules.loopback && bound.is_loopback();
    sockets_.push_back({std::move(fd), &listener, bound.to_string(), 0});
    if (wanted.host.empty() || wanted.host == "*" || wanted.port == 0) break;
  }
  if (any && !taken) return;
  throw ListenError("http-bind",
                    fmt::format("listener '{}' can't listen on {}\n  hint      {}", listener.rules.options.name, why,
                                "another program may be using it (ss -ltnp), or it is no address of this "
                                "machine; ports below 1024 take a privilege"));
}

std::vector<std::string> Front::addresses() const {
  std::vector<std::string> out;
  for (const auto& socket : sockets_) out.push_back(socket.address);
  return out;
}

Counters Front::counters() const {
  const auto get = [](const auto& value) { return value.load(std::memory_order_relaxed); };
  Counters c;
  c.requests = get(tally_.requests);
  for (std::size_t i = 0; i < tally_.by_class.size(); ++i) c.by_class[i] = get(tally_.by_class[i]);
  c.connections = get(tally_.connections);
  c.refused_connections = get(tally_.refused);
  c.evicted_connections = get(tally_.evicted);
  c.no_descriptors = get(tally_.no_descriptors);
  c.timeouts = get(tally_.timeouts);
  c.slow_readers = get(tally_.slow_readers);
  c.tls_failures = get(tally_.tls_failures);
  c.bytes_received = get(tally_.received);
  c.bytes_sent = get(tally_.sent);
  c.handler_failures = get(tally_.handler_failures);
  c.busy = get(tally_.busy);
  c.clients = get(tally_.clients);
  c.event_streams = event_slots_->used();
  c.streams = stream_slots_->used();
  c.waiting = workers_->waiting();
  return c;
}

void Front::start() {
  if (std::exchange(started_, true)) return;
  workers_->start();
  for (auto& socket : sockets_)
    socket.watch = loop_.watch(socket.fd.get(), EPOLLIN, [this, &socket](std::uint32_t) { accept(socket); });
  sweep();
  thread_ = std::thread{[this] { run(); }};
  for (const auto& socket : sockets_)
    log_.info("http-listening", "{} on {}://{}", socket.listener->rules.options.name,
              socket.listener->tls ? "https" : "http", socket.address);
}

void Front::run() {
  // OpenSSL writes with write(): a client that has gone must not end the process.
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  loop_.run();
}

void Front::stop(std::chrono::milliseconds grace) {
  if (!thread_.joinable()) return;
  loop_.post([this, grace] { begin_stop(grace); });
  thread_.join();
  workers_->stop();  // not destroyed: counters() may be asked by others
}

void Front::begin_stop(std::chrono::milliseconds grace) {
  stopping_ = true;
  for (auto& socket : sockets_) {
    loop_.unwatch(socket.watch);
    socket.fd.reset();
  }
  std::vector<Connection*> all;
  for (const auto& [id, connection] : connections_) all.push_back(connection.get());
  for (auto* connection : all) connection->wind_up();
  if (connections_.empty()) return loop_.stop();
  loop_.after(grace, [this] { loop_.stop(); });
}

Connection* Front::find(std::uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

void Front::drop(Connection& connection) {
  const auto found = connections_.find(connection.id());
  if (found == connections_.end()) return;
  if (const auto count = by_key_.find(connection.peer().key); --count->second == 0) by_key_.erase(count);
  if (graveyard_.empty()) loop_.post([this] { graveyard_.clear(); });
  graveyard_.push_back(std::move(found->second));
  connections_.erase(found);
  tally_.clients.store(connections_.size(), std::memory_order_relaxed);
  if (stopping_ && connections_.empty()) loop_.stop();
}

void Front::sweep() {
  const auto now = now_ns();
  std::vector<Connection*> all;
  all.reserve(connections_.size());
  for (const auto& [id, connection] : connections_) all.push_back(connection.get());
  for (auto* connection : all) connection->check_deadlines(now);
  const auto shortest = std::min({options_.header_time, options_.idle_time, options_.body_time, options_.write_time});
  loop_.after(std::clamp(shortest / 5, std::chrono::milliseconds{10}, std::chrono::milliseconds{1000}),
              [this] { sweep(); });
}

Response Front::call(const Exchange& exchange) {
  std::string what;
  try {
    return exchange.route->handler(exchange.request);
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
    what = "unknown exception";
  }
  tally_.handler_failures.fetch_add(1, std::memory_order_relaxed);
  log_.error("http-failed", "{} {}: {}", exchange.request.method, exchange.request.path, what);
  return error_response(
      500, {"http-failed", "this request failed here", {}, {}, "the log of the service says why (http-failed)"});
}

Answer Front::finish(Response&& response, const Exchange& exchange) {
  std::shared_ptr<void> slot;
  if ((response.stream || response.events) && !exchange.facts.head_only) {
    const bool events = static_cast<bool>(response.events);
    slot = (events ? event_slots_ : stream_slots_)->take(exchange.key);
    if (!slot) {
      tally_.busy.fetch_add(1, std::memory_order_relaxed);
      response = error_response(
          503, {"http-busy", events ? "too many event streams" : "too many long answers", {}, {}, "try again later"});
      response.headers.emplace_back("Retry-After", "5");
    }
  }
  if (response.status < 200 || response.status > 599) response.status = 500;
  auto answer = make_answer(std::move(response), exchange.facts);
  answer.slot = std::move(slot);
  return answer;
}

void Front::dispose(const std::string& key, std::shared_ptr<BodyStream> stream) {
  if (!stream) return;
  workers_->go_on(key, [stream = std::move(stream)] {});
}

void Front::log_stream_failure(const Exchange& exchange, const std::string& error) {
  tally_.handler_failures.fetch_add(1, std::memory_order_relaxed);
  log_.error("http-failed", "{} {}: its answer broke off: {}", exchange.request.method, exchange.request.path, error);
}

}  // namespace mesura::http
