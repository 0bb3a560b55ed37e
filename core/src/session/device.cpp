// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "session/device.hpp"

#include "runtime/time_text.hpp"
#include "transport/spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace mesura::session {

using std::chrono::nanoseconds;
using std::chrono::seconds;

namespace {

constexpr nanoseconds kSummaryEvery = std::chrono::minutes{1};
constexpr std::size_t kMaxAttributes = 1000;
/// Rows of waveform wait at most so long for more of them.
constexpr nanoseconds kFlushWaveforms = std::chrono::milliseconds{250};

std::string age_text(std::int64_t ns) { return fmt::format("{:.1f} s", static_cast<double>(ns) / 1e9); }

}  // namespace

std::string_view to_string(State state) {
  switch (state) {
    case State::connecting: return "connecting";
    case State::live: return "live";
    case State::stale: return "stale";
    case State::failed: return "failed";
    case State::finished: return "finished";
  }
  return "unknown";
}

Device::Device(Context context, Setup setup)
    : context_(std::move(context)),
      setup_(std::move(setup)),
      log_(context_.log, "device." + setup_.name),
      transport_{context_.loop, log_},
      binder_(context_.series, setup_.plugin->schema, setup_.channels, setup_.fleet_key ? setup_.name : std::string{}),
      backoff_({}, std::hash<std::string>{}(setup_.name)),
      executor_(make_executor()),
      // A property of the kind of transport, which the session is told before any is opened.
      live_(std::all_of(setup_.links.begin(), setup_.links.end(),
                        [](const auto& link) { return link.second.make()->live(); })) {}

Device::~Device() { stop(); }

void Device::start() {
  started_ns_ = context_.loop.clock().wall_ns();
  health_.since_ns = started_ns_;
  last_sign_ns_ = context_.loop.clock().steady_ns();
  if (setup_.relay) setup_.relay->start();
  make_session();
  watch_staleness();
  if (is_fleet()) watch_members();
  summarise_faults();
}

void Device::stop() {
  for (auto* timer :
       {&restart_timer_, &stale_timer_, &summary_timer_, &teardown_timer_, &member_timer_, &flush_timer_}) {
    context_.loop.cancel(*timer);
    *timer = 0;
  }
  if (setup_.relay) setup_.relay->stop();
  executor_->end_all(command::Status::cancelled, "the device is being stopped");
  tear_down();
}

void Device::tear_down() {
  executor_->set_ready(false);
  // The session first: its end may still call us.
  if (session_) session_->flush_waveforms();
  session_.reset();
  for (auto& [id, timer] : timers_) context_.loop.cancel(timer);
  timers_.clear();
  for (auto& link : links_)
    if (link) link->stop();
  links_.clear();
}

void Device::make_session() {
  asked_to_fail_.reset();
  ended_ = false;
  const auto now = context_.loop.clock().wall_ns();
  make_links();
  try {
    SessionSetup setup{setup_.name, &setup_.plugin->schema.options, setup_.options, setup_.zone, live_, 0};
    setup.links = describe_links();
    setup.fleet_key = setup_.fleet_key;
    setup.fleet = setup_.fleet.get();
    session_ = std::make_unique<PluginSession>(*setup_.plugin->descriptor, binder_, static_cast<Environment&>(*this),
                                               setup, now);
  } catch (const SessionError& e) {
    end_session("plg-create", e.what());
    return;
  }
  if (asked_to_fail_) {
    settle(true);
    return;
  }
  if (health_.state == State::failed) set_state(State::connecting);
  for (auto& link : links_)
    if (link) link->start();
}

std::vector<LinkDescription> Device::describe_links() const {
  std::vector<LinkDescription> described;
  for (const auto& spec : setup_.plugin->schema.links) {
    auto& link = described.emplace_back();
    const auto configured = setup_.links.find(spec.name);
    if (configured == setup_.links.end()) continue;
    link.kind = configured->second.kind;
    // "tcp p1.local:23"
    link.address = configured->second.make()->describe();
    link.address.erase(0, std::min(link.address.size(), link.address.find(' ') + 1));
  }
  return described;
}

void Device::make_links() {
  links_.clear();
  const auto& specs = setup_.plugin->schema.links;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto configured = setup_.links.find(specs[i].name);
    if (configured == setup_.links.end()) {
      links_.push_back(nullptr);
      continue;
    }
    links_.push_back(make_link(static_cast<LinkId>(i), configured->second.make, configured->second.kind));
  }
}

std::unique_ptr<transport::Link> Device::make_link(LinkId id, transport::Link::Maker make, std::string_view kind) {
  transport::Link::Options options;
  options.seed = std::hash<std::string>{}(setup_.name) + id;
  // The other links are silent by nature, and so is a client of requests without any.
  if (id == 0 && kind != "http") options.silence = setup_.stale_after;
  transport::Link::Callbacks callbacks;
  callbacks.on_open = [this, id] {
    if (links_[id]->opened() > 1) ++health_.reconnects;
    if (usable()) settle(session_->on_open(id, context_.loop.clock().wall_ns()));
    if (id == 0) executor_->set_ready(usable());
  };
  callbacks.on_bytes = [this, id](transport::Bytes bytes, const transport::Meta& meta) {
    health_.bytes += bytes.size();
    trace("<", bytes);
    if (usable())
      settle(session_->on_bytes(id, bytes, Meta{meta.received_ns, meta.offset, meta.peer, meta.topic, meta.status}));
    if (flush_timer_ == 0 && session_ && session_->holds_waveforms()) flush_later();
  };
  callbacks.on_peer = [this, id](std::string_view peer, bool joined) {
    if (usable()) settle(session_->on_peer(id, peer, joined, context_.loop.clock().wall_ns()));
  };
  callbacks.on_closed = [this, id](const transport::Reason& reason, bool final) {
    if (id == 0) executor_->set_ready(false);
    if (usable()) settle(session_->on_close(id, context_.loop.clock().wall_ns(), reason.code, final));
    if (final && session_) session_->flush_waveforms();
    if (final && usable()) set_state(State::finished);
  };
  auto link = std::make_unique<transport::Link>(transport_, std::move(make), options, std::move(callbacks));
  link->pause(paused_);
  // A recording has one line of bytes: that of the first link.
  if (setup_.capture && id == 0) link->capture_to(setup_.capture);
  return link;
}

void Device::flush_later() {
  flush_timer_ = context_.loop.after(kFlushWaveforms, [this] {
    flush_timer_ = 0;
    if (!session_) return;
    session_->flush_waveforms();
  });
}

bool Device::usable() const { return session_ && !ended_; }

void Device::settle(bool ok) {
  if (!ok) {
    end_session("plg-failed", session_->error());
  } else if (asked_to_fail_) {
    const auto [code, message] = *asked_to_fail_;
    end_session(code, message);
  }
}

void Device::end_session(std::string_view code, std::string_view message) {
  const auto delay = backoff_.next();
  log_.error(code, "plugin '{}' {} lost its session: {}; a new one in {}", setup_.plugin->name, setup_.plugin->version,
             message, age_text(delay.count()));
  health_.error = std::string{message};
  // Links and session are in use by the caller of this function: they go when the loop is back at the top.
  set_state(State::failed);
  ended_ = true;
  executor_->set_ready(false);
  executor_->end_all(command::Status::failed, fmt::format("the plugin lost its session: {}", message));
  teardown_timer_ = context_.loop.after(nanoseconds{0}, [this] {
    teardown_timer_ = 0;
    tear_down();
  });
  restart_timer_ = context_.loop.after(delay, [this] {
    restart_timer_ = 0;
    make_session();
  });
}

void Device::set_state(State state) {
  if (state == health_.state) return;
  const auto now = context_.loop.clock().wall_ns();
  const auto before = std::exchange(health_.state, state);
  const auto lasted = now - std::exchange(health_.since_ns, now);
  switch (state) {
    case State::live:
      health_.error.clear();
      if (before == State::stale || before == State::failed)
        log_.info("dev-live", "live again after {} ({})", age_text(lasted), to_string(before));
      else
        log_.info("dev-live", "live: first verified frame after {}", age_text(lasted));
      break;
    case State::stale:
      if (health_.last_frame_ns == 0)
        log_.warn("dev-stale", "stale: no verified frame since the start ({} ago); limit stale_after {}",
                  age_text(now - started_ns_), age_text(setup_.stale_after.count()));
      else
        log_.warn("dev-stale", "stale: no verified frame for {}; limit stale_after {}",
                  age_text(now - health_.last_frame_ns), age_text(setup_.stale_after.count()));
      break;
    case State::finished:
      log_.info("dev-finished", "the recording has ended: {} frames, {} rejected, {} measurements", health_.frames,
                health_.frames_rejected, health_.measurements);
      break;
    case State::connecting:
    case State::failed: break;  // said where it happens, with the reason
  }
  if (on_state_) on_state_(state);
}

void Device::watch_staleness() {
  if (setup_.stale_after.count() == 0) return;
  // By the steady clock: a step of the wall clock makes no meter silent.
  const auto left = last_sign_ns_ + setup_.stale_after.count() - context_.loop.clock().steady_ns();
  if (left <= 0 && (health_.state == State::live || health_.state == State::connecting)) set_state(State::stale);
  const auto next = nanoseconds{left > 0 ? left : setup_.stale_after.count()};
  stale_timer_ = context_.loop.after(next, [this] { watch_staleness(); });
}

Health Device::health() const {
  Health health = health_;
  for (const auto& link : links_) {
    if (!link) continue;
    if (!health.link.empty()) health.link += ", ";
    health.link += link->describe();
    if (link->state() == transport::Link::State::waiting && health.error.empty())
      health.error = link->last_reason().message;
  }
  return health;
}

transport::Link* Device::link_at(LinkId link) { return link < links_.size() ? links_[link].get() : nullptr; }

bool Device::send(LinkId link, Bytes bytes, std::string_view to) {
  trace(">", bytes);
  auto* l = link_at(link);
  return l != nullptr && l->send(bytes, to);
}

std::unique_ptr<command::Executor> Device::make_executor() {
  command::Executor::Parts parts{context_.loop, log_, setup_.plugin->schema, setup_.control, setup_.audit, {}, {}, {}};
  parts.begin = [this](command::CommandId id, const std::string& device, const config::CommandSpec& command,
                       const config::Value& arguments, bool dry_run) {
    const std::string_view unit = is_fleet() ? std::string_view{device} : std::string_view{};
    settle(session_->on_command(id, command.name, command.arguments, arguments, dry_run, unit));
  };
  parts.cancel = [this](command::CommandId id) {
    if (usable()) settle(session_->on_cancel(id, context_.loop.clock().wall_ns()));
  };
  parts.send = [this](LinkId link, Bytes bytes, std::string_view to) { return send(link, bytes, to); };
  return std::make_unique<command::Executor>(std::move(parts));
}

command::CommandId Device::submit(const std::string& device, command::Request request, command::OnResult on_result,
                                  command::OnProgress on_progress) {
  return executor_->submit(device, std::move(request), std::move(on_result), std::move(on_progress));
}

void Device::cancel(command::CommandId id) { executor_->cancel(id); }

bool Device::send_for(std::uint64_t request, LinkId link, Bytes bytes, std::string_view to) {
  return executor_->send_for(request, link, bytes, to);
}

void Device::reply(std::uint64_t request, const Reply& reply) {
  executor_->reply(request, reply.status, reply.message, reply.json, reply.bytes);
}

void Device::progress(std::uint64_t request, std::uint64_t done, std::uint64_t total, std::string_view text) {
  executor_->progress(request, done, total, text);
}

bool Device::open(LinkId link, std::string_view spec) {
  const auto& links = setup_.plugin->schema.links;
  if (link >= links.size()) return false;
  if (!spec.empty()) {
    auto read = transport::read_spec(spec, links[link].transports, transport_);
    if (!read) {
      log_.warn("dev-open", "{}", read.error);
      return false;
    }
    if (links_[link]) links_[link]->stop();
    // The link may be calling us.
    context_.loop.post([gone = std::shared_ptr<transport::Link>(std::move(links_[link]))] {});
    links_[link] = make_link(link, std::move(read.make), read.kind);
  }
  auto* l = link_at(link);
  if (l == nullptr) return false;
  l->start();
  return true;
}

void Device::close(LinkId link) {
  if (auto* l = link_at(link)) l->stop();
}

void Device::drop(LinkId link, std::string_view peer) {
  if (auto* l = link_at(link)) l->drop(peer);
}

void Device::reopen(LinkId link, std::string_view reason) {
  if (auto* l = link_at(link)) l->reopen(reason);
}

bool Device::set_lines(LinkId link, int rts, int dtr) {
  auto* l = link_at(link);
  return l != nullptr && l->set_lines(rts, dtr);
}

void Device::arm(TimerId timer, std::int64_t delay_ns) {
  auto& slot = timers_[timer];
  context_.loop.cancel(slot);
  slot = 0;
  if (delay_ns < 0) return;
  slot = context_.loop.after(nanoseconds{delay_ns}, [this, timer] {
    timers_[timer] = 0;
    if (usable()) settle(session_->on_timer(timer, context_.loop.clock().wall_ns()));
  });
}

void Device::pause(bool paused) {
  paused_ = paused;
  for (auto& link : links_)
    if (link) link->pause(paused);
}

void Device::emit(std::shared_ptr<Batch> batch) {
  health_.measurements += batch->items.size();
  if (batch->device != setup_.name) {
    Health& health = member(batch->device);
    health.measurements += batch->items.size();
    ++health.frames;
    health.last_frame_ns = context_.loop.clock().wall_ns();
    if (health.state != State::live) {
      const auto before = std::exchange(health.state, State::live);
      const auto lasted = health.last_frame_ns - std::exchange(health.since_ns, health.last_frame_ns);
      if (before == State::stale)
        log_.info("dev-live", "{}: live again after {} (stale)", batch->device, age_text(lasted));
      else
        log_.debug("dev-live", "{}: live", batch->device);
    }
  }
  context_.emit(std::move(batch), live_);
}

Health& Device::member(std::string_view device) {
  const auto known = members_.find(device);
  if (known != members_.end()) return known->second;
  Health health;
  health.since_ns = context_.loop.clock().wall_ns();
  return members_.emplace(device, std::move(health)).first->second;
}

void Device::watch_members() {
  const nanoseconds every = std::clamp<nanoseconds>(setup_.stale_after / 4, seconds{1}, seconds{60});
  member_timer_ = context_.loop.after(every, [this] {
    const auto now = context_.loop.clock().wall_ns();
    for (auto& [name, health] : members_) {
      if (health.state != State::live || setup_.stale_after.count() == 0) continue;
      if (now - health.last_frame_ns < setup_.stale_after.count()) continue;
      health.state = State::stale;
      health.since_ns = now;
      log_.warn("dev-stale", "{}: stale: nothing for {}; limit stale_after {}", name,
                age_text(now - health.last_frame_ns), age_text(setup_.stale_after.count()));
    }
    watch_members();
  });
}

void Device::frame(LinkId link, Bytes verified) {
  ++health_.frames;
  health_.last_frame_ns = context_.loop.clock().wall_ns();
  last_sign_ns_ = context_.loop.clock().steady_ns();
  if (auto* l = link_at(link)) l->confirm();
  backoff_.reset();
  set_state(State::live);
  if (setup_.relay) setup_.relay->publish(verified);
}

void Device::fault(const Fault& fault) {
  auto it = health_.faults.find(fault.code);
  if (it == health_.faults.end()) it = health_.faults.emplace(std::string{fault.code}, 0).first;
  if (fault.kind == MESURA_FAULT_FRAME) ++health_.frames_rejected;
  ++it->second;
  log_.debug("dec-fault", "{} at byte {} (+{}): {}", fault.code, fault.offset, fault.length, fault.message);
  if (it->second == 1 && fault.kind != MESURA_FAULT_NOTE)
    log_.warn(fault.kind == MESURA_FAULT_FRAME ? "dec-frame" : "dec-fault",
              "{} at byte {}: {} (the first of its kind; a summary follows each minute)", fault.code, fault.offset,
              fault.message);
}

void Device::summarise_faults() {
  summary_timer_ = context_.loop.after(kSummaryEvery, [this] {
    const auto frames = health_.frames + health_.frames_rejected -
                        std::exchange(reported_frames_, health_.frames + health_.frames_rejected);
    std::string text;
    for (const auto& [code, count] : health_.faults) {
      const auto before = std::exchange(reported_faults_[code], count);
      // The first of a kind has been said when it came.
      const auto fresh = before == 0 ? count - 1 : count - before;
      if (fresh > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", fresh, code);
    }
    if (!text.empty()) log_.warn("dec-faults", "in the last minute: {}; of {} frames", text, frames);
    summarise_faults();
  });
}

void Device::attribute(std::string_view device, std::string_view key, std::string_view value) {
  const bool own = device == setup_.name;
  auto& attributes = own ? health_.attributes : member(device).attributes;
  const auto it = attributes.find(key);
  if (it != attributes.end()) {
    if (it->second == value) return;
    log_.info("dev-attribute", "{}{}{} changed from '{}' to '{}'", own ? "" : device, own ? "" : "/", key, it->second,
              value);
    it->second = std::string{value};
  } else if (attributes.size() < kMaxAttributes) {
    attributes.emplace(key, value);
  } else {
    return;
  }
  context_.series.set_attribute(device, key, value);
}

void Device::log(mesura_log_level level, std::string_view message) {
  switch (level) {
    case MESURA_LOG_ERROR: log_.error("plg-said", "{}", message); break;
    case MESURA_LOG_WARN: log_.warn("plg-said", "{}", message); break;
    case MESURA_LOG_INFO: log_.info("plg-said", "{}", message); break;
    case MESURA_LOG_DEBUG: log_.debug("plg-said", "{}", message); break;
    case MESURA_LOG_TRACE: log_.trace("plg-said", "{}", message); break;
  }
}

void Device::failed(std::string_view code, std::string_view message) {
  asked_to_fail_.emplace(std::string{code}, std::string{message});
}

void Device::trace(std::string_view what, Bytes bytes) {
  if (!log_.enabled(runtime::Level::trace)) return;
  std::string text;
  for (const auto b : bytes) {
    const auto c = static_cast<char>(b);
    if (c >= 0x20 && c < 0x7f && c != '\\')
      text += c;
    else
      text += fmt::format("\\x{:02x}", b);
  }
  log_.trace("raw", "{} {} bytes: {}", what, bytes.size(), text);
}

}  // namespace mesura::session
