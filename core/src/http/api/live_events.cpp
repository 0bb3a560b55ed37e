// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/resources.hpp"

#include "config/text.hpp"
#include "http/api/command_desk.hpp"
#include "http/api/event_id.hpp"
#include "model/measurement_json.hpp"
#include "model/text.hpp"

#include <fmt/format.h>

#include <deque>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace mesura::http::api {

namespace {

constexpr std::size_t kBatchesAtOnce = 2000;
/// Of one call on the server's own thread; who has more to catch up on gets it the next time.
constexpr std::size_t kTextAtOnce = 256 * 1024;

/// Events as text for all who asked for the same series: made once, however many read.
class LiveText {
 public:
  LiveText(const Live& live, std::vector<model::Glob> globs) : live_(live), globs_(std::move(globs)) {}

  struct Piece {
    std::uint64_t id = 0;
    std::string lines;  ///< "data: {...}\n" each; empty when nothing of the batch is wanted
  };

  /// Appends the lines of what came after `after`, up to the last one returned. `first` gets the first id that was
  /// still there.
  std::uint64_t append(std::string& out, std::uint64_t after, std::uint64_t& first) {
    const std::scoped_lock lock{mutex_};
    first = 0;
    if (!pieces_.empty()) learn();
    // Late or new: not what the others have read long ago.
    if (pieces_.empty() || pieces_.front().id > after + 1) return append_old(out, after, first);
    return append_pieces(out, after, first);
  }

 private:
  static constexpr std::size_t kMostPieces = 2048;

  void learn() {
    for (const auto& event : live_.since(pieces_.back().id, kBatchesAtOnce)) {
      if (event.id != pieces_.back().id + 1) pieces_.clear();  // the ring has gone on while nobody asked
      pieces_.push_back(piece(event));
    }
    while (pieces_.size() > kMostPieces) pieces_.pop_front();
  }

  std::uint64_t append_pieces(std::string& out, std::uint64_t after, std::uint64_t& first) {
    std::uint64_t last = after;
    auto it = pieces_.begin();
    if (after >= it->id) it += static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(after + 1 - it->id, pieces_.size()));
    for (; it != pieces_.end() && out.size() < kTextAtOnce; ++it) {
      if (first == 0) first = it->id;
      out += it->lines;
      last = it->id;
    }
    return last;
  }

  std::uint64_t append_old(std::string& out, std::uint64_t after, std::uint64_t& first) {
    std::uint64_t last = after;
    const auto events = live_.since(after, kBatchesAtOnce);
    for (const auto& event : events) {
      if (out.size() >= kTextAtOnce) break;
      if (first == 0) first = event.id;
      Piece made = piece(event);
      out += made.lines;
      last = event.id;
      // The newest run of them is what others will ask for.
      if (!pieces_.empty() && pieces_.back().id + 1 != event.id && event.id > pieces_.back().id) pieces_.clear();
      if (pieces_.empty() || pieces_.back().id + 1 == event.id) pieces_.push_back(std::move(made));
    }
    while (pieces_.size() > kMostPieces) pieces_.pop_front();
    return last;
  }

  Piece piece(const Live::Event& event) {
    Piece made{event.id, {}};
    const Batch& batch = *event.batch;
    for (const auto& m : batch.items) {
      if (!wanted(m.series)) continue;
      made.lines += "data: ";
      model::append_json(made.lines, live_.series().at(m.series), batch, m);
      made.lines += '\n';
    }
    return made;
  }

  bool wanted(std::uint32_t series) {
    if (globs_.empty()) return true;
    if (series >= known_.size()) known_.resize(series + 1, -1);
    auto& known = known_[series];
    if (known < 0) known = matches(globs_, live_.series().at(series)) ? 1 : 0;
    return known == 1;
  }

  const Live& live_;
  std::vector<model::Glob> globs_;
  std::mutex mutex_;
  std::deque<Piece> pieces_;        ///< the newest ones, numbered without a hole
  std::vector<signed char> known_;  ///< by series: -1 not asked yet
};

/// Texts in use, by what was asked for.
class LiveTexts {
 public:
  std::shared_ptr<LiveText> get(const Live& live, const std::vector<std::string>& names,
                                std::vector<model::Glob> globs) {
    std::string key;
    for (const auto& name : names) key += name + '\n';
    const std::scoped_lock lock{mutex_};
    for (auto it = texts_.begin(); it != texts_.end();) it = it->second.expired() ? texts_.erase(it) : std::next(it);
    auto& held = texts_[key];
    auto text = held.lock();
    if (!text) held = text = std::make_shared<LiveText>(live, std::move(globs));
    return text;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<LiveText>> texts_;
};

/// One subscriber.
class Subscriber {
 public:
  Subscriber(std::shared_ptr<LiveText> text, const Live& live, std::uint64_t boot, std::uint64_t after)
      : text_(std::move(text)), live_(live), boot_(boot), last_(after) {}

  /// Tells of commands too, from now on.
  void listen(std::shared_ptr<const CommandDesk> desk, std::vector<model::Glob> globs) {
    desk_ = std::move(desk);
    globs_ = std::move(globs);
    if (desk_) last_command_ = desk_->newest_event();
  }

  /// Says what the process that the client read before had and this one has not.
  void restarted() { restarted_ = true; }

  void append(std::string& out) {
    if (!greeted_) {
      // Where it begins, so that a client that hears nothing before it is cut off resumes there all the same.
      fmt::format_to(std::back_inserter(out), "retry: 2000\nid: {}\nevent: hello\ndata: {{\"last_id\":\"{}\"}}\n\n",
                     event_id(boot_, last_), event_id(boot_, last_));
      greeted_ = true;
      if (restarted_) out += "event: missed\ndata: {\"reason\":\"restart\",\"missed\":null}\n\n";
    }
    if (desk_) {
      const auto size = out.size();
      last_command_ = desk_->append_events(out, last_command_, globs_);
      if (out.size() > size) quiet_since_ = Clock::now();
    }
    if (live_.newest_id() == last_) {
      keep_alive(out);
      return;
    }
    lines_.clear();
    std::uint64_t first = 0;
    const std::uint64_t before = last_;
    last_ = text_->append(lines_, before, first);
    if (first > before + 1)
      fmt::format_to(std::back_inserter(out), "event: missed\ndata: {{\"reason\":\"slow\",\"missed\":{}}}\n\n",
                     first - before - 1);
    if (lines_.empty()) {
      keep_alive(out);
      return;
    }
    quiet_since_ = Clock::now();
    fmt::format_to(std::back_inserter(out), "id: {}\n", event_id(boot_, last_));
    out += lines_;
    out += '\n';
  }

 private:
  using Clock = std::chrono::steady_clock;
  /// Proxies and phones close what is silent for longer.
  static constexpr std::chrono::seconds kKeepAlive{15};

  void keep_alive(std::string& out) {
    const auto now = Clock::now();
    if (now - quiet_since_ < kKeepAlive) return;
    quiet_since_ = now;
    fmt::format_to(std::back_inserter(out), "id: {}\n: quiet\n\n", event_id(boot_, last_));
  }

  std::shared_ptr<LiveText> text_;
  const Live& live_;
  std::uint64_t boot_;
  std::uint64_t last_;
  bool greeted_ = false;
  bool restarted_ = false;
  Clock::time_point quiet_since_ = Clock::now();
  std::string lines_;
  std::shared_ptr<const CommandDesk> desk_;  ///< null: no commands
  std::vector<model::Glob> globs_;
  std::uint64_t last_command_ = 0;
};

Response subscribe(const Call& call, LiveTexts& texts) {
  const Live& live = *call.parts.live;
  std::string wanted = call.arguments.text("last_id");
  // The header is newer: a browser sends it when it comes back to the URL that it was given once.
  if (const auto header = call.request.header("Last-Event-ID"); header && !header->empty()) wanted = *header;
  std::uint64_t after = live.newest_id();
  bool restarted = false;
  if (!wanted.empty()) {
    const auto id = parse_event_id(wanted);
    if (!id)
      throw Refused{400,
                    {"api-parameter", "'last_id' is wrong", "an id as /api/v1/live or /api/v1/latest gives it",
                     config::quote(wanted), "leave it out to begin with what comes next"}};
    restarted = id->boot != call.parts.boot;
    after = restarted ? 0 : std::min(id->number, after);
  }
  auto subscriber = std::make_shared<Subscriber>(
      texts.get(live, call.arguments.texts("series"), call.arguments.globs("series")), live, call.parts.boot, after);
  if (restarted) subscriber->restarted();
  subscriber->listen(call.parts.commands, call.arguments.globs("series"));
  Response response;
  response.content_type = "text/event-stream";
  response.etag = false;
  response.interval = std::chrono::duration_cast<std::chrono::milliseconds>(*call.arguments.duration("every"));
  response.headers.emplace_back("X-Accel-Buffering", "no");
  response.events = [subscriber](std::string& out) { subscriber->append(out); };
  return response;
}

}  // namespace

Endpoint live_endpoint() {
  Endpoint e;
  e.path = "/api/v1/live";
  e.summary = "What is being measured, as server-sent events";
  e.details =
      "Every event holds the measurements since the one before, a JSON object a line. An event `hello` begins the "
      "stream and tells where it stands; an event `missed` says that measurements are left out: the client was too "
      "slow or away for too long (\"slow\", with their number in batches), or the service has been restarted "
      "(\"restart\"). An event `command` tells the progress or the end of a command that was sent over HTTP, as GET "
      "/api/v1/commands/{id} does, without long results. EventSource resumes by itself; others send the last id in "
      "Last-Event-ID or `last_id`.";
  e.run = Route::Run::front;
  e.parameters = {globs("series", "only these; repeatable"),
                  text("last_id", "go on after this event; also the header Last-Event-ID"),
                  duration("every", 0.1, 60, "200ms", "collect events for so long")};
  e.parameters.back().example = "1s";
  e.answers = {{200, "events until the client goes", {"text/event-stream"}, {}}};
  auto texts = std::make_shared<LiveTexts>();
  e.handler = [texts](const Call& call) { return subscribe(call, *texts); };
  return e;
}

}  // namespace mesura::http::api
