// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// A connection's requests: from bytes to an answer.
#include "http/connection.hpp"

#include "http/front.hpp"

#include <algorithm>
#include <utility>

namespace mesura::http {
namespace {

constexpr int kRequestsPerTurn = 32;  // sent ahead by one client, before the others' turn
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

Response busy(std::string_view what) {
  auto response = error_response(503, {"http-busy", std::string{what}, {}, {}, "try again later"});
  response.headers.emplace_back("Retry-After", "2");
  return response;
}

}  // namespace

/// False: it has been long enough for now, and goes on by itself later.
bool Connection::process() {
  for (int requests = 0; requests < kRequestsPerTurn;) {
    const auto before = state_;
    if (closed_ || !is_reading() || !advance()) return true;
    if (before != State::body && !is_reading()) ++requests;
    if (exchange_ == nullptr) ++requests;
  }
  front_.loop().post([&front = front_, id = id_] {
    if (auto* connection = front.find(id)) connection->resume();
  });
  return false;
}

/// True when it made something of what has been read.
bool Connection::advance() { return state_ == State::body ? read_body() : read_header(); }

bool Connection::read_header() {
  // Line ends between requests, which some clients send after a body.
  const auto start = in_.find_first_not_of("\r\n");
  if (start != 0) in_.erase(0, start);
  if (in_.empty()) {
    scanned_ = 0;
    return false;
  }
  const auto& options = front_.options();
  const auto from = scanned_ > 3 ? scanned_ - 3 : 0;
  auto end = find_head_end(std::string_view{in_}.substr(from));
  if (end != std::string_view::npos) end += from;
  scanned_ = in_.size();
  if (std::min(end, in_.size()) > options.header_bytes ||
      (end == std::string_view::npos && in_.size() == options.header_bytes)) {
    const bool line = in_.find('\n') > options.header_bytes;
    refuse({line ? 414 : 431,
            {"http-request",
             line ? "request line too long" : "header too long",
             "at most " + std::to_string(options.header_bytes) + " bytes",
             {},
             {}}});
    return true;
  }
  if (end == std::string_view::npos) {
    if (in_.size() > options.target_bytes + 64 && in_.find('\n') == std::string::npos) {
      refuse({414, {"http-request", "request line too long", {}, {}, {}}});
      return true;
    }
    return false;
  }
  scanned_ = 0;
  Head head;
  auto refusal = parse_head(std::string_view{in_}.substr(0, end), head);
  in_.erase(0, end);
  exchange_ = std::make_shared<Exchange>();
  exchange_->began_ns = since_ns_;
  exchange_->request.peer = peer_.address;
  if (!refusal && head.target.size() > options.target_bytes)
    refusal = {414,
               {"http-request",
                "request line too long",
                "at most " + std::to_string(options.target_bytes) + " bytes",
                {},
                {}}};
  if (refusal) {
    exchange_->shown_method = head.method;
    refuse(std::move(*refusal));
    return true;
  }
  auto response = admit(rules_, head, peer_, channel_.secure(), *exchange_);
  if (response) {
    // The body is not wanted, and where the next request begins is not known before it has come.
    if (head.body != Head::Body::none) exchange_->facts.keep_alive = false;
    respond(std::move(*response));
    return true;
  }
  const std::size_t longest = longest_body();
  if (head.body == Head::Body::length && head.length > longest) {
    refuse({413,
            {"http-body", "body too long", "at most " + std::to_string(longest) + " bytes", std::to_string(head.length),
             exchange_->route->body_bytes == 0 ? ""
                                               : "longer ones take role control and no password: a token, or a "
                                                 "session"}});
    return true;
  }
  body_ = BodyReader{head, longest};
  body_received_ = 0;
  if (head.body == Head::Body::none) {
    dispatch();
    return true;
  }
  enter(State::body);
  if (head.expects_continue && in_.empty()) {
    out_ += kContinue;
    flush();
  }
  return true;
}

/// Only who is known to control something may send more than usual: others could hold all that bodies may take.
std::size_t Connection::longest_body() const {
  const auto usual = front_.options().body_bytes;
  const bool known = !exchange_->check_password && exchange_->request.principal.role >= Role::control;
  return known ? std::max(usual, exchange_->route->body_bytes) : usual;
}

bool Connection::read_body() {
  if (in_.empty()) return false;
  const auto taken = body_.push(in_, exchange_->request.body);
  in_.erase(0, taken);
  body_received_ += taken;
  held_body_ += taken;
  front_.held().bodies += taken;
  if (body_.refusal()) {
    refuse(Refusal{*body_.refusal()});
  } else if (front_.held().bodies > front_.options().all_bodies_bytes) {
    refuse({503, {"http-busy", "too many bodies on their way", {}, {}, "try again later"}});
  } else if (body_.done()) {
    dispatch();
  } else {
    return false;
  }
  return true;
}

void Connection::refuse(Refusal&& refusal) {
  if (!exchange_) {
    exchange_ = std::make_shared<Exchange>();
    exchange_->began_ns = since_ns_;
    exchange_->request.peer = peer_.address;
  }
  exchange_->facts.keep_alive = false;
  in_ = {};
  respond(error_response(refusal.status, refusal.error));
}

void Connection::respond(Response&& response) { answered(front_.finish(std::move(response), *exchange_)); }

void Connection::dispatch() {
  enter(State::waiting);
  if (!exchange_->check_password) return call_handler();
  const bool taken =
      front_.workers().submit(peer_.key, [&front = front_, id = id_, exchange = exchange_, rules = &rules_] {
        auto identity = rules->authenticator->check_basic(exchange->request.headers, exchange->request.peer);
        front.loop().post([&front, id, identity = std::move(identity)] {
          if (auto* connection = front.find(id)) connection->identified(identity);
        });
      });
  if (taken) return;
  front_.tally().busy.fetch_add(1, std::memory_order_relaxed);
  respond(busy("too many requests are waiting"));
}

void Connection::identified(const Identity& identity) {
  if (auto refusal = authorise(rules_, identity, *exchange_)) return respond(std::move(*refusal));
  call_handler();
}

void Connection::call_handler() {
  if (exchange_->route->run == Route::Run::front) {
    auto response = front_.call(*exchange_);
    if (!is_long_work(response, exchange_->facts)) return respond(std::move(response));
    // Compressing it would hold up everybody else.
    front_.workers().go_on(peer_.key, [&front = front_, id = id_, exchange = exchange_,
                                       given = std::make_shared<Response>(std::move(response))] {
      auto answer = std::make_shared<Answer>(front.finish(std::move(*given), *exchange));
      front.loop().post([&front, id, answer] {
        if (auto* connection = front.find(id)) connection->answered(std::move(*answer));
      });
    });
    return;
  }
  const bool taken = front_.workers().submit(peer_.key, [&front = front_, id = id_, exchange = exchange_] {
    auto answer = std::make_shared<Answer>(front.finish(front.call(*exchange), *exchange));
    front.loop().post([&front, id, answer, key = exchange->key] {
      if (auto* connection = front.find(id))
        connection->answered(std::move(*answer));
      else if (answer->stream)
        front.dispose(key, std::move(answer->stream));
    });
  });
  if (taken) return;
  front_.tally().busy.fetch_add(1, std::memory_order_relaxed);
  respond(busy("too many requests are waiting"));
}

}  // namespace mesura::http
