// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/connection.hpp"

#include "http/front.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <string_view>
#include <utility>

namespace mesura::http {
namespace {

constexpr int kReadsPerTurn = 4;
constexpr std::size_t kWritePerTurn = 1024 * 1024;  // to one client before the others' turn
constexpr std::size_t kCopyBody = 64 * 1024;        // up to here one write is cheaper than a copy saved
constexpr std::size_t kKeepCapacity = 64 * 1024;    // of buffers between requests
constexpr std::size_t kMaxDiscarded = 256 * 1024;
constexpr int kGone = 499;  // in the log: the client left before there was an answer
constexpr std::int64_t kLingerNs = 2'000'000'000;

std::int64_t ns(std::chrono::milliseconds time) { return std::chrono::nanoseconds{time}.count(); }

}  // namespace

Connection::Connection(Front& front, const Rules& rules, std::uint64_t id, Channel channel, Peer peer)
    : front_(front), rules_(rules), id_(id), channel_(std::move(channel)), peer_(std::move(peer)) {
  enter(channel_.secure() ? State::handshake : State::idle);
  watched_ = EPOLLIN;
  watch_ = front_.loop().watch(channel_.fd(), watched_, [this](std::uint32_t events) { on_ready(events); });
}

Connection::~Connection() { close(); }

void Connection::close() {
  if (std::exchange(closed_, true)) return;
  if (exchange_ && (state_ == State::writing || state_ == State::waiting))
    front_.access_log().write(*exchange_, state_ == State::writing ? answer_.status : kGone, front_.now_ns(), false);
  front_.loop().unwatch(watch_);
  if (tick_ != 0) front_.loop().cancel(tick_);
  if (answer_.stream && !pulling_) front_.dispose(peer_.key, std::move(answer_.stream));
  answer_ = {};
  release();
  channel_ = Channel{runtime::UniqueFd{}};
  front_.drop(*this);
}

void Connection::enter(State state) {
  state_ = state;
  since_ns_ = front_.now_ns();
}

void Connection::want(std::uint32_t events) {
  if (closed_ || events == watched_) return;
  watched_ = events;
  front_.loop().modify(watch_, events);
}

void Connection::on_ready(std::uint32_t events) {
  if (closed_) return;
  if (state_ == State::handshake) return continue_handshake();
  if (state_ == State::lingering) return linger();
  // Both directions are gone: there is nobody to answer.
  if ((events & (EPOLLHUP | EPOLLERR)) != 0 && (events & EPOLLIN) == 0) return close();
  if (state_ == State::writing) {
    // Who closes an event stream is a browser that has left the page.
    if ((events & EPOLLRDHUP) != 0 && answer_.events) return close();
    if (unsent() > 0) return flush();
  }
  if (is_reading()) return pump();
  want(watched_ & ~static_cast<std::uint32_t>(EPOLLIN));  // what is sent ahead waits in the socket
}

void Connection::continue_handshake() {
  char first = 0;
  // Every TLS record begins with a content type of 20 to 24; a letter is somebody who speaks plain HTTP.
  if (::recv(channel_.fd(), &first, 1, MSG_PEEK) == 1 && first >= 'A' && first <= 'Z') {
    static constexpr std::string_view kPlain =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 79\r\nConnection: close\r\n\r\n"
        "{\"error\":{\"code\":\"http-plain\",\"message\":\"this port takes https://, not http\"}}\n";
    front_.tally().tls_failures.fetch_add(1, std::memory_order_relaxed);
    [[maybe_unused]] const auto sent = ::send(channel_.fd(), kPlain.data(), kPlain.size(), MSG_NOSIGNAL);
    channel_.finish();
    enter(State::lingering);
    return linger();
  }
  switch (channel_.handshake().status) {
    case Channel::Status::wait: return want(channel_.wants());
    case Channel::Status::done: break;
    default: front_.tally().tls_failures.fetch_add(1, std::memory_order_relaxed); return close();
  }
  enter(State::idle);
  want(EPOLLIN);
  pump();
}

void Connection::resume() { pump(); }

void Connection::pump() {
  if (pumping_) return;
  pumping_ = true;
  struct Reset {
    bool& flag;
    ~Reset() { flag = false; }
  } const reset{pumping_};

  auto& scratch = front_.scratch();
  for (int turn = 0; turn < kReadsPerTurn; ++turn) {
    if (!process() || closed_ || !is_reading()) return;
    const auto got = channel_.read(scratch.data(), scratch.size());
    if (got.status == Channel::Status::wait) return want(EPOLLIN | channel_.wants());
    if (got.status != Channel::Status::done) return close();  // also in the middle of a request: it can't be answered
    front_.tally().received.fetch_add(got.bytes, std::memory_order_relaxed);
    if (state_ == State::idle) enter(State::head);
    in_.append(scratch.data(), got.bytes);
    if (!channel_.secure() && got.bytes < scratch.size()) {
      // The socket is empty: asking once more would only tell so.
      if (process() && !closed_ && is_reading()) want(EPOLLIN);
      return;
    }
  }
  if (!process() || closed_ || !is_reading()) return;
  want(EPOLLIN);
  if (channel_.has_pending())
    front_.loop().post([&front = front_, id = id_] {
      if (auto* connection = front.find(id)) connection->resume();
    });
}

void Connection::linger() {
  // What a client still sends after our last word is read, or the kernel would reset the connection and with it take
  // away what it has not read yet.
  auto& scratch = front_.scratch();
  while (discarded_ < kMaxDiscarded) {
    const auto n = ::recv(channel_.fd(), scratch.data(), scratch.size(), 0);
    if (n > 0) {
      discarded_ += static_cast<std::size_t>(n);
      continue;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return want(EPOLLIN);
    break;
  }
  close();
}

void Connection::release() {
  front_.held().bodies -= std::exchange(held_body_, 0);
  front_.held().answers -= std::exchange(held_answer_, 0);
}

void Connection::answered(Answer&& answer) {
  answer_ = std::move(answer);
  if (answer_.body.size() > kCopyBody) {
    auto& held = front_.held().answers;
    if (held > 0 && held + answer_.body.size() > front_.options().all_answers_bytes) {
      front_.tally().busy.fetch_add(1, std::memory_order_relaxed);
      auto busy = error_response(503, {"http-busy", "too many large answers on their way", {}, {}, "try again later"});
      busy.headers.emplace_back("Retry-After", "5");
      answer_ = front_.finish(std::move(busy), *exchange_);
    } else {
      held_answer_ = answer_.body.size();
      held += held_answer_;
    }
  }
  enter(State::writing);
  auto& tally = front_.tally();
  tally.requests.fetch_add(1, std::memory_order_relaxed);
  tally.by_class.at(static_cast<std::size_t>(answer_.status / 100)).fetch_add(1, std::memory_order_relaxed);
  out_ += answer_.head;
  if (answer_.body.size() <= kCopyBody)
    out_ += answer_.body;
  else
    tail_ = std::move(answer_.body);
  answer_.body.clear();
  spoke_ns_ = since_ns_;
  if (answer_.events) {
    std::string hint{"retry: 2000\n\n"};
    if (answer_.chunked)
      append_chunk(out_, hint);
    else
      out_ += hint;
    tick();
  } else {
    flush();
  }
}

void Connection::flush() {
  std::size_t written = 0;
  if (window_ns_ == 0) {
    window_ns_ = front_.now_ns();
    window_bytes_ = 0;
  }
  while (unsent() > 0) {
    if (written >= kWritePerTurn) return want(EPOLLOUT);
    const bool head = out_at_ < out_.size();
    const auto rest = std::string_view{head ? out_ : tail_}.substr(head ? out_at_ : tail_at_);
    const auto done = channel_.write(rest.substr(0, kWritePerTurn));
    if (done.status == Channel::Status::wait)
      return want(EPOLLOUT | channel_.wants() | (answer_.events ? EPOLLRDHUP : 0U));
    if (done.status != Channel::Status::done) return close();
    (head ? out_at_ : tail_at_) += done.bytes;
    written += done.bytes;
    window_bytes_ += done.bytes;
    front_.tally().sent.fetch_add(done.bytes, std::memory_order_relaxed);
    if (exchange_) exchange_->sent_bytes += done.bytes;
    // A long body is asked for again before all of it has gone.
    if (answer_.stream && !pulling_ && !answer_.stream->ended && unsent() < front_.options().buffer_bytes) pull();
  }
  window_ns_ = 0;
  out_.clear();
  out_at_ = 0;
  tail_ = {};
  tail_at_ = 0;
  if (out_.capacity() > 2 * kKeepCapacity) out_ = {};
  drained();
}

void Connection::drained() {
  if (state_ != State::writing) return;  // that was "100 Continue"
  if (answer_.events) return want(EPOLLRDHUP);
  if (answer_.stream) {
    if (!pulling_ && answer_.stream->ended)
      finish_exchange(true);
    else if (!pulling_)
      pull();
    if (!closed_ && answer_.stream) want(0);
    return;
  }
  finish_exchange(true);
}

void Connection::finish_exchange(bool whole) {
  if (exchange_) front_.access_log().write(*exchange_, answer_.status, front_.now_ns(), whole);
  const bool keep = answer_.keep_alive && !front_.stopping();
  if (answer_.stream) front_.dispose(peer_.key, std::move(answer_.stream));
  answer_ = {};
  release();
  exchange_.reset();
  served_ = true;
  if (!keep) {
    in_ = {};
    channel_.finish();
    enter(State::lingering);
    linger();
    if (front_.stopping()) close();  // a stop does not wait for clients to hang up
    return;
  }
  if (in_.capacity() > kKeepCapacity && in_.empty()) in_ = {};
  enter(in_.empty() ? State::idle : State::head);
  want(EPOLLIN);
  pump();  // no-op when called from there: it goes on by itself
}

void Connection::pull() {
  pulling_ = true;
  // The stream is the worker's until it comes back; should the client go meanwhile, it dies there.
  front_.workers().go_on(peer_.key, [&front = front_, id = id_, stream = answer_.stream, exchange = exchange_,
                                     enough = front_.options().buffer_bytes / 2]() mutable {
    auto bytes = std::make_shared<std::string>();
    stream->produce(*bytes, enough);
    if (stream->failed) front.log_stream_failure(*exchange, stream->error);
    front.loop().post([&front, id, bytes, key = exchange->key, stream = std::move(stream)]() mutable {
      auto* connection = front.find(id);
      if (connection != nullptr)
        connection->streamed(std::move(*bytes));
      else
        front.dispose(key, std::move(stream));
    });
  });
}

void Connection::streamed(std::string&& bytes) {
  pulling_ = false;
  if (!answer_.stream) return;
  if (answer_.stream->failed) return close();  // without the last chunk: the client sees that it is not whole
  if (out_at_ > front_.options().buffer_bytes) {
    out_.erase(0, out_at_);
    out_at_ = 0;
  }
  const bool nothing = bytes.empty() && !answer_.stream->ended;
  out_ += bytes;
  if (!nothing) return flush();
  // The handler has nothing yet.
  tick_ = front_.loop().after(std::chrono::milliseconds{20}, [this] {
    tick_ = 0;
    if (!closed_ && answer_.stream && !pulling_) pull();
  });
}

void Connection::tick() {
  tick_ = 0;
  const auto now = front_.now_ns();
  // All streams of one interval wake together, which is one wake-up for the thread instead of one each.
  const auto interval = ns(answer_.interval);
  tick_ = front_.loop().after(std::chrono::nanoseconds{interval - now % interval}, [this] { tick(); });
  if (window_ns_ != 0) return;  // not read yet, so not asked for
  std::string text;
  try {
    answer_.events(text);
  } catch (const std::exception& e) {
    front_.log_stream_failure(*exchange_, e.what());
    return close();
  }
  if (text.empty() && now - spoke_ns_ >= ns(front_.options().event_keep_alive)) text = ":\n\n";
  if (!text.empty()) {
    spoke_ns_ = now;
    if (answer_.chunked)
      append_chunk(out_, text);
    else
      out_ += text;
  }
  if (unsent() > 0) flush();
}

void Connection::check_deadlines(std::int64_t now_ns) {
  if (closed_) return;
  const auto& options = front_.options();
  const auto age = now_ns - since_ns_;
  const auto too_slow = [&](std::string_view what) {
    front_.tally().timeouts.fetch_add(1, std::memory_order_relaxed);
    refuse({408, {"http-timeout", std::string{what}, {}, {}, {}}});
  };
  switch (state_) {
    case State::handshake:
      if (age <= ns(options.header_time)) return;
      front_.tally().timeouts.fetch_add(1, std::memory_order_relaxed);
      return close();
    case State::idle:
      if (age > ns(served_ ? options.idle_time : options.header_time)) close();
      return;
    case State::head:
      if (age > ns(options.header_time)) too_slow("the header took too long");
      return;
    case State::body: {
      const auto allowed = static_cast<double>(ns(options.body_time)) +
                           1e9 * static_cast<double>(body_received_) / static_cast<double>(options.slowest_body);
      if (static_cast<double>(age) > allowed) too_slow("the body took too long");
      return;
    }
    case State::waiting:
    case State::writing: break;
    case State::lingering:
      if (age > kLingerNs) close();
      return;
  }
  if (window_ns_ == 0 || now_ns - window_ns_ < ns(options.write_time)) return;
  const auto least = static_cast<double>(options.slowest_reader) * static_cast<double>(ns(options.write_time)) / 1e9;
  if (static_cast<double>(window_bytes_) < std::max(least, 1.0)) {
    front_.tally().slow_readers.fetch_add(1, std::memory_order_relaxed);
    return close();
  }
  window_ns_ = now_ns;
  window_bytes_ = 0;
}

void Connection::wind_up() {
  if (closed_) return;
  if (is_idle() || state_ == State::handshake) return close();
  if (answer_.events && unsent() == 0) {
    answer_.events = nullptr;
    if (tick_ != 0) front_.loop().cancel(std::exchange(tick_, 0));
    answer_.keep_alive = false;
    if (answer_.chunked) out_ += "0\r\n\r\n";
    flush();
  } else if (answer_.events) {
    close();
  }
}

}  // namespace mesura::http
