// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http/body_reader.hpp"
#include "http/channel.hpp"
#include "http/exchange.hpp"
#include "runtime/event_loop.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace mesura::http {

class Front;

/// A client: reads requests one after the other, has them answered, writes the answers.
///
/// Never more than one request at a time: what a client sends ahead waits in its socket. All calls on the front's
/// thread. After close() it only waits to be destroyed.
class Connection {
 public:
  enum class State : std::uint8_t { handshake, idle, head, body, waiting, writing, lingering };

  Connection(Front& front, const Rules& rules, std::uint64_t id, Channel channel, Peer peer);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void on_ready(std::uint32_t events);
  /// Goes on with what has been read.
  void resume();
  /// From the workers.
  void identified(const Identity& identity);
  void answered(Answer&& answer);
  void streamed(std::string&& bytes);

  void check_deadlines(std::int64_t now_ns);
  /// The server stops: nothing new, event streams end.
  void wind_up();
  void close();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool closed() const { return closed_; }
  /// Nobody waits for anything here: it can go without harm.
  [[nodiscard]] bool is_idle() const { return state_ == State::idle || state_ == State::lingering; }
  [[nodiscard]] bool is_reading() const {
    return state_ == State::idle || state_ == State::head || state_ == State::body;
  }
  [[nodiscard]] std::int64_t since_ns() const { return since_ns_; }  ///< of this state
  [[nodiscard]] const Peer& peer() const { return peer_; }
  [[nodiscard]] std::uint64_t id() const { return id_; }

 private:
  // connection.cpp: bytes
  void enter(State state);
  void want(std::uint32_t events);
  void continue_handshake();
  void pump();
  void linger();
  void flush();
  void drained();
  void finish_exchange(bool whole);
  void tick();
  void pull();
  // connection_requests.cpp: what they mean
  bool process();
  bool advance();
  bool read_header();
  [[nodiscard]] std::size_t longest_body() const;
  bool read_body();
  void refuse(Refusal&& refusal);
  void respond(Response&& response);
  void release();
  void dispatch();
  void call_handler();

  Front& front_;
  const Rules& rules_;
  const std::uint64_t id_;
  Channel channel_;
  const Peer peer_;
  runtime::EventLoop::WatchId watch_ = 0;
  std::uint32_t watched_ = 0;
  State state_ = State::idle;
  std::int64_t since_ns_ = 0;
  bool closed_ = false;
  bool served_ = false;  ///< at least one answer has been given
  bool pumping_ = false;

  std::string in_;
  std::size_t scanned_ = 0;  ///< of in_, for the header's end
  BodyReader body_;
  std::uint64_t body_received_ = 0;
  std::size_t discarded_ = 0;
  std::size_t held_body_ = 0;    ///< counted in Front::held()
  std::size_t held_answer_ = 0;  ///< the same
  std::shared_ptr<Exchange> exchange_;

  // The answer on its way: out_ from out_at_, then tail_ from tail_at_.
  std::string out_;
  std::size_t out_at_ = 0;
  std::string tail_;
  std::size_t tail_at_ = 0;
  Answer answer_;
  bool pulling_ = false;
  runtime::EventLoop::TimerId tick_ = 0;
  std::int64_t spoke_ns_ = 0;   ///< when an event stream last got anything
  std::int64_t window_ns_ = 0;  ///< since when the reader is being measured; 0: nothing is unsent
  std::size_t window_bytes_ = 0;

  [[nodiscard]] std::size_t unsent() const { return out_.size() - out_at_ + tail_.size() - tail_at_; }
};

}  // namespace mesura::http
