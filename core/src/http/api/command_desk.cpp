// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/command_desk.hpp"

#include "command/describe.hpp"
#include "http/api/event_id.hpp"
#include "runtime/json.hpp"
#include "runtime/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>

namespace mesura::http::api {

namespace {

constexpr std::size_t kMostEvents = 512;
/// Readers of the stream need no more of a long upload.
constexpr std::chrono::milliseconds kProgressInterval{200};
/// Of a result in an event or a list.
constexpr std::size_t kMostBrief = 4096;

std::size_t size_of(const command::Result& result) {
  std::size_t size = 1024 + result.json.size() + result.bytes.size() * 4 / 3 + result.message.size();
  for (const auto& planned : result.plan) size += planned.bytes.size() * 4 + planned.to.size();
  return size;
}

}  // namespace

struct CommandDesk::State : std::enable_shared_from_this<State> {
  struct Entry {
    Job job;
    std::int64_t ended_ns = 0;  ///< steady
    std::int64_t told_ns = 0;   ///< steady; of the last event of progress
    bool cancelled = false;
  };
  struct Event {
    std::uint64_t number;
    std::string device;
    std::string text;
  };

  State(runtime::EventLoop& l, CommandBackend b, std::uint64_t n, Options o)
      : loop(l), backend(std::move(b)), boot(n), options(o) {}

  [[nodiscard]] std::int64_t now() const { return loop.clock().steady_ns(); }

  // With the lock.
  [[nodiscard]] Entry* find(const std::string& id) {
    const auto parsed = parse_event_id(id);
    if (!parsed || parsed->boot != boot) return nullptr;
    const auto found = entries.find(parsed->number);
    return found == entries.end() ? nullptr : &found->second;
  }

  void forget() {
    const auto oldest = [&] {
      return std::find_if(entries.begin(), entries.end(), [](const auto& e) { return e.second.job.result != nullptr; });
    };
    std::size_t results = 0;
    for (auto it = entries.begin(); it != entries.end();) {
      const Entry& entry = it->second;
      const bool old = entry.job.result && now() - entry.ended_ns > options.kept_for.count();
      if (entry.job.result && !old) ++results;
      it = old ? drop(it) : std::next(it);
    }
    for (; results > options.kept || (results > 1 && bytes > options.kept_bytes); --results) drop(oldest());
  }

  std::map<std::uint64_t, Entry>::iterator drop(std::map<std::uint64_t, Entry>::iterator it) {
    bytes -= size_of(*it->second.job.result);
    return entries.erase(it);
  }

  void tell(const Job& job) {
    Event event{++newest, job.device, "event: command\ndata: "};
    append_job(event.text, job, true);
    event.text += "\n\n";
    events.push_back(std::move(event));
    if (events.size() > kMostEvents) events.pop_front();
  }

  // On the loop's thread.
  void begin(std::uint64_t number, const std::string& device, const std::string& plugin, command::Request request) {
    const auto self = shared_from_this();
    const auto controls = backend.controls ? backend.controls(device) : collector::Collector::Controls{};
    // Between the check of the arguments and now the configuration may have changed.
    if (controls.schema == nullptr || controls.schema->name != plugin) {
      command::Result result;
      result.device = device;
      result.command = request.command;
      result.status = command::Status::unknown;
      result.message = fmt::format("device '{}' went away before it was asked; nothing was sent", device);
      result.time_ns = loop.clock().wall_ns();
      return finish(number, result);
    }
    auto ticket = backend.submit(
        device, std::move(request), [self, number](const command::Result& result) { self->finish(number, result); },
        [self, number](const command::Progress& progress) { self->progress(number, progress); });
    tickets.emplace(number, std::move(ticket));
    if (is_cancelled(number)) cancel(number);
  }

  [[nodiscard]] bool is_cancelled(std::uint64_t number) {
    const std::scoped_lock lock{mutex};
    const auto entry = entries.find(number);
    return entry != entries.end() && entry->second.cancelled;
  }

  void progress(std::uint64_t number, const command::Progress& progress) {
    const std::scoped_lock lock{mutex};
    const auto found = entries.find(number);
    if (found == entries.end() || found->second.job.result) return;
    Entry& entry = found->second;
    entry.job.done = progress.done;
    entry.job.total = progress.total;
    entry.job.text = progress.text;
    if (entry.told_ns != 0 && now() - entry.told_ns < std::chrono::nanoseconds{kProgressInterval}.count()) return;
    entry.told_ns = now();
    tell(entry.job);
  }

  void finish(std::uint64_t number, const command::Result& result) {
    tickets.erase(number);
    auto kept = std::make_shared<const command::Result>(result);
    {
      const std::scoped_lock lock{mutex};
      const auto found = entries.find(number);
      if (found == entries.end() || found->second.job.result) return;
      Entry& entry = found->second;
      bytes += size_of(*kept);
      entry.job.result = std::move(kept);
      entry.ended_ns = now();
      tell(entry.job);
      forget();
    }
    changed.notify_all();
  }

  void cancel(std::uint64_t number) {
    const auto ticket = tickets.find(number);
    if (ticket != tickets.end() && backend.cancel) backend.cancel(ticket->second);
  }

  runtime::EventLoop& loop;
  CommandBackend backend;                                   // the loop's thread only; empty at the end
  std::map<std::uint64_t, CommandBackend::Ticket> tickets;  // the loop's thread only
  const std::uint64_t boot;
  const Options options;
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::uint64_t, Entry> entries;
  std::size_t bytes = 0;  // of results
  std::uint64_t next = 1;
  std::deque<Event> events;
  std::uint64_t newest = 0;
  std::size_t waiting = 0;
  int quiet = 0;
  bool ended = false;
};

CommandDesk::CommandDesk(runtime::EventLoop& loop, CommandBackend backend, std::uint64_t boot, Options options)
    : state_(std::make_shared<State>(loop, std::move(backend), boot, options)) {}

CommandDesk::~CommandDesk() { end(); }

void CommandDesk::end() {
  state_->backend = {};
  state_->tickets.clear();
  {
    const std::scoped_lock lock{state_->mutex};
    state_->ended = true;
  }
  state_->changed.notify_all();
}

std::optional<CommandDesk::Offer> CommandDesk::offer(const std::string& device) const {
  struct Asked {
    Offer offer;
    bool answered = false;
  };
  const auto state = state_;
  const auto asked = std::make_shared<Asked>();
  {
    const std::scoped_lock lock{state->mutex};
    if (state->ended || state->quiet > 0) return std::nullopt;
  }
  state->loop.post([weak = std::weak_ptr<State>{state}, asked, device] {
    const auto self = weak.lock();
    if (!self || !self->backend.controls) return;
    Offer offer;
    if (const auto controls = self->backend.controls(device); controls.schema != nullptr)
      offer = {true, controls.schema->name, controls.control, controls.schema->commands};
    {
      const std::scoped_lock lock{self->mutex};
      asked->offer = std::move(offer);
      asked->answered = true;
    }
    self->changed.notify_all();
  });
  std::unique_lock lock{state->mutex};
  state->changed.wait_for(lock, state->options.patience,
                          [&] { return asked->answered || state->ended || state->quiet > 0; });
  if (!asked->answered) return std::nullopt;
  return std::move(asked->offer);
}

std::optional<CommandDesk::Job> CommandDesk::submit(const std::string& device, const std::string& plugin,
                                                    command::Request request, bool alone) {
  State& state = *state_;
  Job job;
  std::uint64_t number = 0;
  {
    const std::scoped_lock lock{state.mutex};
    state.forget();
    std::size_t at_work = 0;
    for (const auto& [other, entry] : state.entries) {
      if (entry.job.result) continue;
      ++at_work;
      if (alone && entry.job.device == device) return std::nullopt;
    }
    if (state.ended || at_work >= state.options.at_work) return std::nullopt;
    number = state.next++;
    job.id = event_id(state.boot, number);
    job.device = device;
    job.command = request.command;
    job.since_ns = state.loop.clock().wall_ns();
    state.entries[number].job = job;
  }
  state.loop.post([weak = std::weak_ptr<State>{state_}, number, device, plugin,
                   request = std::make_shared<command::Request>(std::move(request))] {
    if (const auto self = weak.lock(); self && self->backend.submit)
      self->begin(number, device, plugin, std::move(*request));
  });
  return job;
}

std::optional<CommandDesk::Job> CommandDesk::wait(const std::string& id, std::chrono::milliseconds time) const {
  State& state = *state_;
  std::unique_lock lock{state.mutex};
  const State::Entry* entry = state.find(id);
  if (entry == nullptr) return std::nullopt;
  if (time.count() > 0 && state.waiting < state.options.waiting) {
    ++state.waiting;
    state.changed.wait_for(lock, time, [&] {
      entry = state.find(id);
      return entry == nullptr || entry->job.result || state.ended || state.quiet > 0;
    });
    --state.waiting;
    entry = state.find(id);
  }
  return entry == nullptr ? std::nullopt : std::optional{entry->job};
}

std::optional<CommandDesk::Job> CommandDesk::find(const std::string& id) const {
  return wait(id, std::chrono::milliseconds{0});
}

std::vector<CommandDesk::Job> CommandDesk::jobs() const {
  const std::scoped_lock lock{state_->mutex};
  state_->forget();
  std::vector<Job> jobs;
  for (auto it = state_->entries.rbegin(); it != state_->entries.rend(); ++it) jobs.push_back(it->second.job);
  return jobs;
}

void CommandDesk::cancel(const std::string& id) {
  {
    const std::scoped_lock lock{state_->mutex};
    State::Entry* entry = state_->find(id);
    if (entry == nullptr || entry->job.result) return;
    entry->cancelled = true;
  }
  state_->loop.post([weak = std::weak_ptr<State>{state_}, number = parse_event_id(id)->number] {
    if (const auto self = weak.lock()) self->cancel(number);
  });
}

CommandDesk::Quiet::Quiet(const CommandDesk* desk) : desk_(desk) {
  if (desk_ == nullptr) return;
  {
    const std::scoped_lock lock{desk_->state_->mutex};
    ++desk_->state_->quiet;
  }
  desk_->state_->changed.notify_all();
}

CommandDesk::Quiet::~Quiet() {
  if (desk_ == nullptr) return;
  const std::scoped_lock lock{desk_->state_->mutex};
  --desk_->state_->quiet;
}

std::uint64_t CommandDesk::newest_event() const {
  const std::scoped_lock lock{state_->mutex};
  return state_->newest;
}

std::uint64_t CommandDesk::append_events(std::string& out, std::uint64_t after,
                                         const std::vector<model::Glob>& globs) const {
  const std::scoped_lock lock{state_->mutex};
  for (const auto& event : state_->events) {
    if (event.number <= after) continue;
    if (globs.empty() ||
        std::any_of(globs.begin(), globs.end(), [&](const auto& g) { return g.matches_device(event.device); }))
      out += event.text;
  }
  return state_->newest;
}

void append_job(std::string& out, const CommandDesk::Job& job, bool brief) {
  runtime::JsonWriter json{out};
  json.begin_object().key("id").string(job.id);
  if (!job.result) {
    json.key("device").string(job.device).key("command").string(job.command).key("state").string("working");
    json.key("since").string(runtime::format_time(job.since_ns));
    if (job.done != 0 || job.total != 0 || !job.text.empty()) {
      json.key("progress").begin_object().key("done").unsigned_integer(job.done);
      json.key("total").unsigned_integer(job.total).key("text").string(job.text).end_object();
    }
    json.end_object();
    return;
  }
  json.key("state").string("ended").key("since").string(runtime::format_time(job.since_ns));
  std::string result;
  if (brief && size_of(*job.result) > kMostBrief) {
    const command::Result& whole = *job.result;
    command::Result part;
    part.device = whole.device;
    part.command = whole.command;
    part.status = whole.status;
    part.message = whole.message;
    part.hint = whole.hint;
    part.wrote = whole.wrote;
    part.time_ns = whole.time_ns;
    part.duration_ns = whole.duration_ns;
    command::append_result(result, part);
  } else {
    command::append_result(result, *job.result);
  }
  // Its members follow ours in one object.
  out += ',';
  out.append(result, 1);
}

}  // namespace mesura::http::api
