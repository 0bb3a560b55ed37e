// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "session/twin.hpp"

#include "transport/spec.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace mesura::session {

using std::chrono::nanoseconds;

Twin::Twin(runtime::EventLoop& loop, runtime::Logger log, SeriesTable& series, Setup setup)
    : loop_(loop),
      log_(std::move(log)),
      setup_(std::move(setup)),
      binder_(series, setup_.plugin->schema, {}),
      start_ns_(setup_.start_ns.value_or(loop.clock().wall_ns())),
      steady_start_ns_(loop.clock().steady_ns()),
      virtual_ns_(start_ns_),
      call_ns_(start_ns_) {
  setup_.session.schema = &setup_.plugin->virtual_schema->options;
  const auto& links = setup_.plugin->virtual_schema->links;
  for (std::size_t i = 0; i < links.size(); ++i) {
    auto& place = *places_.emplace_back(std::make_unique<Place>(*this, static_cast<LinkId>(i)));
    if (i < setup_.serve.size()) place.make = setup_.serve[i];
    place.served = static_cast<bool>(place.make);
  }
  session_ = std::make_unique<PluginSession>(*setup_.plugin->descriptor->virtual_device, binder_,
                                             static_cast<Environment&>(*this), setup_.session, virtual_ns_);
  for (auto& place : places_)
    if (place->served) serve(*place);
  if (setup_.write) wake_ = loop_.after(nanoseconds{0}, [this] { start(); });
}

Twin::~Twin() {
  loop_.cancel(wake_);
  for (auto& place : places_) {
    loop_.cancel(place->reopen);
    if (place->transport) place->transport->close();
  }
}

void Twin::serve(Place& place) {
  place.transport = place.make();
  place.transport->open(place);
}

std::int64_t Twin::now() const {
  if (setup_.speed <= 0) return virtual_ns_;
  const auto elapsed = static_cast<double>(loop_.clock().steady_ns() - steady_start_ns_) * setup_.speed;
  return std::max(virtual_ns_, start_ns_ + static_cast<std::int64_t>(elapsed));
}

void Twin::start() {
  wake_ = 0;
  if (std::exchange(started_, true)) return;
  call_ns_ = now();
  check(session_->on_open(0, call_ns_));
  schedule();
}

void Twin::link_open(Place& place) {
  if (setup_.opened && place.served) setup_.opened(place.id, place.transport->describe());
  if (finished_) return;
  if (place.id == 0) {
    start();
    return;
  }
  call_ns_ = now();
  check(session_->on_open(place.id, call_ns_));
  schedule();
}

void Twin::link_bytes(LinkId link, transport::Bytes bytes, const transport::Meta& meta) {
  if (finished_) return;
  call_ns_ = now();
  check(session_->on_bytes(link, bytes, Meta{call_ns_, meta.offset, meta.peer, meta.topic, meta.status}));
  schedule();
}

void Twin::Place::on_peer(std::string_view peer, bool joined) {
  if (owner.finished_) return;
  owner.call_ns_ = owner.now();
  owner.check(owner.session_->on_peer(id, peer, joined, owner.call_ns_));
  owner.schedule();
}

void Twin::link_closed(Place& place, const transport::Reason& reason) {
  if (place.served) {
    log_.error(reason.code, "{}", reason.message);
    failed_ = true;
    finish();
    return;
  }
  log_.debug(reason.code, "{}", reason.message);
  retire(place);
  if (finished_) return;
  call_ns_ = now();
  check(session_->on_close(place.id, call_ns_, reason.code, false));
  schedule();
}

/// It may be calling us: it is closed now and destroyed by the loop.
void Twin::retire(Place& place) {
  if (!place.transport) return;
  place.transport->close();
  loop_.post([gone = std::shared_ptr<transport::Transport>(std::move(place.transport))] {});
}

void Twin::command(std::uint64_t id, const config::CommandSpec& command, const config::Value& arguments) {
  if (finished_) return;
  call_ns_ = now();
  check(session_->on_command(id, command.name, command.arguments, arguments));
  schedule();
}

void Twin::reply(std::uint64_t request, const Reply& reply) {
  if (setup_.reply) setup_.reply(request, reply);
}

void Twin::check(bool ok) {
  if (ok) return;
  log_.error("sim-failed", "virtual device '{}': {}", setup_.session.device, session_->error());
  failed_ = true;
  finish();
}

void Twin::finish() {
  if (std::exchange(finished_, true)) return;
  timers_.clear();
  // Later: we may stand inside a call to the session, and the owner may destroy us.
  loop_.cancel(wake_);
  wake_ = loop_.after(nanoseconds{0}, [this] {
    wake_ = 0;
    if (setup_.finished) setup_.finished();
  });
}

void Twin::schedule() {
  if (finished_ || timers_.empty()) return;
  loop_.cancel(wake_);
  const auto due = std::min_element(timers_.begin(), timers_.end(),
                                    [](const auto& a, const auto& b) { return a.second < b.second; });
  std::int64_t delay = 0;
  if (setup_.speed > 0) delay = static_cast<std::int64_t>(static_cast<double>(due->second - now()) / setup_.speed);
  wake_ = loop_.after(nanoseconds{std::max<std::int64_t>(0, delay)}, [this] {
    wake_ = 0;
    fire_due();
  });
}

void Twin::fire_due() {
  const auto limit = setup_.speed > 0 ? now() : INT64_MAX;
  // As fast as possible still leaves the loop its turn: signals, clients, other twins.
  constexpr int kBurst = 64;
  for (int i = 0; i < kBurst && !finished_; ++i) {
    const auto due = std::min_element(timers_.begin(), timers_.end(),
                                      [](const auto& a, const auto& b) { return a.second < b.second; });
    if (due == timers_.end() || due->second > limit) break;
    const auto [timer, time] = *due;
    timers_.erase(due);
    virtual_ns_ = std::max(virtual_ns_, time);
    call_ns_ = time;
    // The session sees the time that it asked for, not the loop's lateness: equal seeds give equal bytes.
    check(session_->on_timer(timer, time));
  }
  schedule();
}

void Twin::arm(TimerId timer, std::int64_t delay_ns) {
  if (delay_ns < 0)
    timers_.erase(timer);
  else
    timers_[timer] = call_ns_ + delay_ns;
}

bool Twin::send(LinkId link, Bytes bytes, std::string_view to) {
  if (link < places_.size() && places_[link]->transport) return places_[link]->transport->send(bytes, to);
  return link == 0 && setup_.write && setup_.write(bytes, call_ns_);
}

bool Twin::open(LinkId link, std::string_view spec) {
  if (link >= places_.size() || places_[link]->transport) return false;
  Place& place = *places_[link];
  if (!spec.empty()) {
    auto read = transport::read_spec(spec, setup_.plugin->virtual_schema->links[link].transports,
                                     transport::Context{loop_, log_});
    if (!read) {
      log_.warn("sim-open", "{}", read.error);
      return false;
    }
    place.make = std::move(read.make);
  }
  if (!place.make) return false;
  serve(place);
  return true;
}

/// Without its first link the twin has nothing more to say.
void Twin::close(LinkId link) {
  if (link == 0) {
    finish();
  } else if (link < places_.size()) {
    retire(*places_[link]);
  }
}

void Twin::drop(LinkId link, std::string_view peer) {
  if (link < places_.size() && places_[link]->transport) places_[link]->transport->drop(peer);
}

void Twin::reopen(LinkId link, std::string_view reason) {
  if (link >= places_.size() || !places_[link]->transport || finished_) return;
  log_.debug("sim-reopen", "link dropped: {}", reason);
  loop_.cancel(places_[link]->reopen);
  places_[link]->reopen = loop_.after(nanoseconds{0}, [this, link] {
    places_[link]->reopen = 0;
    retire(*places_[link]);
    serve(*places_[link]);
  });
}

void Twin::emit(std::shared_ptr<Batch> batch) {
  if (setup_.truth) setup_.truth(*batch);
}

void Twin::fault(const Fault& fault) { log_.warn("sim-fault", "{}: {}", fault.code, fault.message); }

void Twin::log(mesura_log_level level, std::string_view message) {
  if (level <= MESURA_LOG_WARN)
    log_.warn("sim-said", "{}", message);
  else
    log_.debug("sim-said", "{}", message);
}

void Twin::failed(std::string_view code, std::string_view message) {
  log_.error(code, "{}", message);
  failed_ = true;
  finish();
}

}  // namespace mesura::session
