// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/mqtt/client.hpp"

#include <mesura/sink.hpp>

#include "runtime/backoff.hpp"
#include "runtime/unique_fd.hpp"
#include "sinks/mqtt/session.hpp"

#include <fmt/format.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <random>
#include <system_error>
#include <thread>
#include <utility>

namespace mesura::sinks::mqtt {
namespace {

using namespace std::chrono_literals;
using SteadyTime = std::chrono::steady_clock::time_point;

/// Of mosquitto_loop_misc, which sends pings and notices that none are answered.
constexpr auto kHousekeeping = 1s;
/// close() waits so long for the broker to take the farewell.
constexpr auto kFarewell = 1s;

SteadyTime now() { return std::chrono::steady_clock::now(); }

std::chrono::milliseconds up_to(SteadyTime t) {
  return std::max(0ms, std::chrono::ceil<std::chrono::milliseconds>(t - now()));
}

}  // namespace

struct Client::Shared {
  Shared(const Options& o, Handlers h, runtime::Logger l)
      : options(o),
        address(address_of(o)),
        handlers(std::move(h)),
        log(std::move(l)),
        backoff({.first = 1s, .ceiling = 60s, .factor = 2, .jitter = 0.2}, std::random_device{}()),
        wake_fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  enum class State : std::uint8_t { down, connecting, greeting, up };

  void run();
  void attempt(std::unique_lock<std::mutex>& lock);
  void keep(std::unique_lock<std::mutex>& lock);
  void work(bool readable, bool writable);
  void finish_turn(int result, int error);
  void now_up();
  void failed(std::string why);
  void farewell();
  void wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_fd.get(), &one, sizeof one);
  }

  void on_connack(int code);
  void on_disconnect(int code);

  const Options options;
  const Address address;
  Handlers handlers;  // emptied by the Client's end
  const runtime::Logger log;

  std::mutex mutex;
  std::condition_variable change;
  State state = State::down;
  bool greeted = false;  // the broker has let us in
  bool wanted = false;   // reconnect by oneself
  bool running = false;  // the thread
  bool ending = false;
  bool kicked = false;         // without waiting for the back-off
  bool told = false;           // the loss of an idle connection is in the log
  std::uint64_t attempts = 0;  // that have ended
  std::string why = "sink-closed: not connected yet";
  std::string refusal;  // what the broker said at the end of the connection
  SteadyTime next_attempt{};
  SteadyTime greeting_ends{};
  SteadyTime next_misc{};
  runtime::Backoff backoff;
  SessionPtr session;
  runtime::UniqueFd wake_fd;
  std::thread thread;
};

// ---------------------------------------------------------------- the thread

void Client::Shared::run() {
  std::unique_lock lock{mutex};
  state = State::down;
  while (!ending) {
    if (state != State::down) {
      keep(lock);
    } else if (kicked || (wanted && now() >= next_attempt)) {
      attempt(lock);
    } else if (wanted) {
      change.wait_until(lock, next_attempt);
    } else {
      change.wait(lock);
    }
  }
  state = State::down;
  running = false;
}

void Client::Shared::attempt(std::unique_lock<std::mutex>& lock) {
  kicked = false;
  state = State::connecting;
  refusal.clear();
  greeted = false;
  std::string problem;
  SessionPtr fresh = make_session(options, this, problem);
  if (!fresh) {
    failed(std::move(problem));
    return;
  }
  // Looking the name up and connecting block, TLS begins: nobody may have to wait for that with the lock.
  lock.unlock();
  errno = 0;
  const int result = ::mosquitto_connect_bind_v5(fresh.get(), address.host.c_str(), address.port,
                                                 static_cast<int>(options.keepalive.count()), nullptr, nullptr);
  const int error = errno;
  if (result != MOSQ_ERR_SUCCESS) fresh.reset();
  lock.lock();
  if (ending) return;
  if (result != MOSQ_ERR_SUCCESS) {
    failed(explain(address, result, error));
    return;
  }
  session = std::move(fresh);
  state = State::greeting;
  greeting_ends = now() + options.connect_timeout;
  next_misc = now() + kHousekeeping;
}

void Client::Shared::keep(std::unique_lock<std::mutex>& lock) {
  const bool writing = ::mosquitto_want_write(session.get());
  std::array<pollfd, 2> fds{pollfd{::mosquitto_socket(session.get()), POLLIN, 0}, pollfd{wake_fd.get(), POLLIN, 0}};
  if (writing) fds[0].events |= POLLOUT;
  auto until = next_misc;
  if (state == State::greeting) until = std::min(until, greeting_ends);
  const auto patience = up_to(until);
  lock.unlock();
  ::poll(fds.data(), fds.size(), static_cast<int>(patience.count()));
  if (fds[1].revents != 0) {
    std::uint64_t ignored = 0;
    [[maybe_unused]] const auto got = ::read(wake_fd.get(), &ignored, sizeof ignored);
  }
  lock.lock();
  // Whoever had the lock meanwhile may have ended the connection, or read what was there.
  if (ending || !session) return;
  const bool stood = state == State::up;
  work(true, fds[0].revents & POLLOUT || ::mosquitto_want_write(session.get()));
  if (state == State::greeting && now() >= greeting_ends)
    failed(fmt::format("sink-busy: the broker at {} took the connection, but did not answer within {} s",
                       address.text(), std::chrono::duration<double>(options.connect_timeout).count()));
  if (stood && state == State::down && wanted && !std::exchange(told, true))
    log.warn("sink-gone", "{}\n  hint      connecting again until it works", why);
}

/// One turn of libmosquitto; none of its calls waits.
void Client::Shared::work(bool readable, bool writable) {
  int result = MOSQ_ERR_SUCCESS;
  errno = 0;
  if (writable) result = ::mosquitto_loop_write(session.get(), 1);
  if (result == MOSQ_ERR_SUCCESS && readable) {
    errno = 0;
    result = ::mosquitto_loop_read(session.get(), 1);
  }
  if (result == MOSQ_ERR_SUCCESS && now() >= next_misc) {
    errno = 0;
    result = ::mosquitto_loop_misc(session.get());
    next_misc = now() + kHousekeeping;
  }
  finish_turn(result, errno);
}

void Client::Shared::finish_turn(int result, int error) {
  if (greeted && result == MOSQ_ERR_SUCCESS) now_up();
  if (!refusal.empty()) {
    failed(refusal);
  } else if (result != MOSQ_ERR_SUCCESS || ::mosquitto_socket(session.get()) < 0) {
    failed(explain(address, result, error));
  } else if (state == State::up && handlers.on_turn) {
    handlers.on_turn();
  }
}

/// Not in the callback: libmosquitto then holds a lock that it takes behind others when it publishes.
void Client::Shared::now_up() {
  greeted = false;
  state = State::up;
  ++attempts;
  backoff.reset();
  if (std::exchange(told, false)) log.info("sink-recovered", "mqtt {} is connected again", address.text());
  if (handlers.on_up) handlers.on_up();
  change.notify_all();
}

void Client::Shared::failed(std::string reason) {
  why = std::move(reason);
  session.reset();
  state = State::down;
  next_attempt = now() + backoff.next();
  ++attempts;
  change.notify_all();
}

void Client::Shared::on_connack(int code) {
  if (code != 0) {
    refusal = explain_refusal(address, options, code);
    return;
  }
  greeted = true;
}

void Client::Shared::on_disconnect(int code) {
  // MQTT 5: the broker says why; 3.1.1 and broken connections are told by the call that met them.
  if (state == State::up && options.protocol == Protocol::v5 && code >= 0x80)
    refusal = fmt::format("sink-gone: the broker at {} ended the connection: {}{}", address.text(),
                          ::mosquitto_reason_string(code),
                          code == MQTT_RC_SESSION_TAKEN_OVER
                              ? "\n  hint      another client has the same `client_id`: give each one its own"
                              : "");
}

void Client::Shared::farewell() {
  if (!session || state != State::up) return;
  ::mosquitto_disconnect_v5(session.get(), 0, nullptr);
  const auto deadline = now() + kFarewell;
  while (::mosquitto_socket(session.get()) >= 0 && ::mosquitto_want_write(session.get()) && now() < deadline) {
    pollfd fd{::mosquitto_socket(session.get()), POLLOUT, 0};
    ::poll(&fd, 1, static_cast<int>(up_to(deadline).count()));
    if (::mosquitto_loop_write(session.get(), 1) != MOSQ_ERR_SUCCESS) break;
  }
}

// ---------------------------------------------------------------- libmosquitto's callbacks

namespace {

Client::Shared& shared(void* object) { return *static_cast<Client::Shared*>(object); }

}  // namespace

void set_callbacks(mosquitto* session) {
  ::mosquitto_connect_v5_callback_set(
      session, [](mosquitto*, void* o, int code, int, const mosquitto_property*) { shared(o).on_connack(code); });
  ::mosquitto_disconnect_v5_callback_set(
      session, [](mosquitto*, void* o, int code, const mosquitto_property*) { shared(o).on_disconnect(code); });
  ::mosquitto_publish_v5_callback_set(session, [](mosquitto*, void* o, int id, int code, const mosquitto_property*) {
    if (shared(o).handlers.on_published) shared(o).handlers.on_published(id, code);
  });
  ::mosquitto_message_v5_callback_set(
      session, [](mosquitto*, void* o, const mosquitto_message* m, const mosquitto_property*) {
        if (!shared(o).handlers.on_message || m->payloadlen < 0) return;
        shared(o).handlers.on_message(m->topic, m->retain,
                                      {static_cast<const char*>(m->payload),
                                       m->payload == nullptr ? 0 : static_cast<std::size_t>(m->payloadlen)});
      });
}

// ---------------------------------------------------------------- the Client

Client::Client(const Options& options, Handlers handlers, runtime::Logger log)
    : shared_(std::make_shared<Shared>(options, std::move(handlers), std::move(log))) {}

Client::~Client() {
  Shared& s = *shared_;
  bool hangs = false;
  {
    const std::lock_guard guard{s.mutex};
    s.ending = true;
    s.handlers = {};
    hangs = s.state == Shared::State::connecting;
    s.session.reset();
    s.wake();
    s.change.notify_all();
  }
  if (!s.thread.joinable()) return;
  // A connect() to a host that swallows everything takes minutes; it ends for itself.
  if (hangs)
    s.thread.detach();
  else
    s.thread.join();
}

void Client::connect() {
  Shared& s = *shared_;
  std::unique_lock lock{s.mutex};
  s.wanted = true;
  if (s.state == Shared::State::up) return;
  s.ending = false;
  if (!s.wake_fd) throw SinkError("sink-io: no descriptor left for a connection");
  if (!s.running) {
    // One that hung in connect() when it was told to end has ended by now.
    if (s.thread.joinable()) s.thread.join();
    try {
      s.thread = std::thread{[shared = shared_] { shared->run(); }};
      s.running = true;
    } catch (const std::system_error& error) {
      throw SinkError(fmt::format("sink-io: no thread to connect on: {}", error.code().message()));
    }
  }
  if (s.state == Shared::State::down) s.kicked = true;
  s.wake();  // it may still wait for the connection that a write has given up
  s.change.notify_all();
  const auto attempts = s.attempts;
  // The greeting has a deadline of its own, which knows more.
  const auto deadline = now() + s.options.connect_timeout + 500ms;
  s.change.wait_until(lock, deadline, [&] { return s.attempts != attempts || s.state == Shared::State::up; });
  if (s.state == Shared::State::up) return;
  if (s.attempts != attempts) throw SinkError(s.why);
  throw SinkError(fmt::format("sink-busy: no connection to {} within {} s", s.address.text(),
                              std::chrono::duration<double>(s.options.connect_timeout).count()));
}

std::unique_lock<std::mutex> Client::lock() { return std::unique_lock{shared_->mutex}; }
bool Client::up() const { return shared_->state == Shared::State::up; }
const std::string& Client::reason() const { return shared_->why; }

Client::Sent Client::publish(const std::string& topic, std::string_view payload, int qos, bool retain) {
  Shared& s = *shared_;
  if (!up()) return {Publish::down, 0, ""};
  Sent out;
  errno = 0;
  const int result = ::mosquitto_publish_v5(s.session.get(), &out.id, topic.c_str(), static_cast<int>(payload.size()),
                                            payload.data(), qos, retain, nullptr);
  switch (result) {
    case MOSQ_ERR_SUCCESS: return out;
    case MOSQ_ERR_INVAL:
    case MOSQ_ERR_PAYLOAD_SIZE:
    case MOSQ_ERR_MALFORMED_UTF8:
    case MOSQ_ERR_QOS_NOT_SUPPORTED:
    case MOSQ_ERR_RETAIN_NOT_SUPPORTED:
    case MOSQ_ERR_OVERSIZE_PACKET: return {Publish::refused, 0, ::mosquitto_strerror(result)};
    default: break;
  }
  // Not here: libmosquitto may be calling us.
  s.refusal = explain(s.address, result, errno);
  return {Publish::down, 0, ""};
}

void Client::subscribe(const std::string& topic) {
  if (up()) ::mosquitto_subscribe_v5(shared_->session.get(), nullptr, topic.c_str(), 1, 0, nullptr);
}

bool Client::turn(std::chrono::milliseconds patience) {
  Shared& s = *shared_;
  if (!up()) return false;
  const bool writing = ::mosquitto_want_write(s.session.get());
  // Brokers leave Nagle's algorithm on: the last acknowledgements of a write would wait for our kernel's delayed ACK,
  // 40 ms. The option must be set each time.
  const int now_please = 1;
  ::setsockopt(::mosquitto_socket(s.session.get()), IPPROTO_TCP, TCP_QUICKACK, &now_please, sizeof now_please);
  pollfd fd{::mosquitto_socket(s.session.get()), static_cast<short>(writing ? POLLIN | POLLOUT : POLLIN), 0};
  // TLS may have read more than it has handed over, which poll() cannot know.
  constexpr auto kGlance = 20ms;
  if (!s.refusal.empty()) patience = 0ms;  // a publish has met the end
  patience = std::min(patience, s.address.tls ? kGlance : up_to(s.next_misc));
  const int ready = ::poll(&fd, 1, static_cast<int>(patience.count()));
  const bool readable = ready > 0 && (fd.revents & (POLLIN | POLLHUP | POLLERR)) != 0;
  s.work(readable || s.address.tls, writing && ready > 0 && (fd.revents & POLLOUT) != 0);
  return up();
}

void Client::drop(std::string reason) {
  if (shared_->state != Shared::State::up) return;
  shared_->failed(std::move(reason));
  shared_->wake();
}

void Client::close() {
  Shared& s = *shared_;
  bool hangs = false;
  {
    const std::lock_guard guard{s.mutex};
    s.wanted = s.kicked = false;
    s.farewell();
    s.session.reset();
    hangs = s.state == Shared::State::connecting;
    if (!hangs) s.state = Shared::State::down;
    s.told = false;
    s.why = "sink-closed: the connection was closed";
    s.ending = true;
    s.wake();
    s.change.notify_all();
  }
  // One that hangs in connect() sees `ending` when it comes back, unless it is wanted again by then.
  if (!hangs && s.thread.joinable()) s.thread.join();
}

}  // namespace mesura::sinks::mqtt
