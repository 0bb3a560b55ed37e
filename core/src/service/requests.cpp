// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "service/requests.hpp"

#include "model/glob.hpp"
#include "service/measurement_text.hpp"
#include "service/waveform_stream.hpp"
#include "spool/spool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace mesura::service {

namespace {

Form form_of(const std::string& word) {
  if (word == "csv") return Form::csv;
  if (word == "table") return Form::table;
  return Form::jsonl;
}

/// The globs among `words` from the third on; nullopt, with the answer given, when one is none. No globs take
/// everything.
std::optional<std::vector<model::Glob>> parse_globs(const std::vector<std::string>& words, Reply& reply) {
  std::vector<model::Glob> globs;
  for (std::size_t i = 2; i < words.size(); ++i) {
    model::Problem problem;
    auto glob = model::Glob::parse(words[i], &problem);
    if (!glob) {
      error(reply, fmt::format("mesura: error[qry-glob]: {}\n  expected  {}\n  got       {}\n  hint      {}\n",
                               problem.message, problem.expected, problem.got, problem.hint));
      return std::nullopt;
    }
    globs.push_back(std::move(*glob));
  }
  return globs;
}

bool matches(const std::vector<model::Glob>& globs, const SeriesInfo& info) {
  return globs.empty() ||
         std::any_of(globs.begin(), globs.end(), [&](const model::Glob& g) { return g.matches(info); });
}

}  // namespace

void Requests::handle(const std::vector<std::string>& words, const std::shared_ptr<Reply>& reply) {
  const std::string& verb = words.front();
  const std::string form = words.size() > 1 ? words[1] : std::string{};
  if (verb == "status") {
    const auto facts = parts_.facts();
    ok(*reply, form == "json" ? status_json(parts_.collector, facts) : status_table(parts_.collector, facts));
  } else if (verb == "latest") {
    latest(words, *reply);
  } else if (verb == "watch") {
    watch(words, reply);
  } else if (verb == "waveform") {
    waveform(words, reply);
  } else if (verb == "log") {
    log(words, *reply);
  } else if (verb == "spool") {
    spool(words, *reply);
  } else if (verb == "reload") {
    const std::string wrong = parts_.reload();
    if (wrong.empty())
      ok(*reply, "the configuration is in force\n");
    else
      error(*reply, wrong);
  } else if (!commands_.handle(words, reply)) {
    error(*reply, fmt::format("mesura: error[ctl-unknown]: the service knows no request '{}'\n  hint      are the "
                              "command and the service "
                              "of the same version?\n",
                              verb));
  }
}

void Requests::latest(const std::vector<std::string>& words, Reply& reply) {
  const auto globs = parse_globs(words, reply);
  if (!globs) return;
  const auto& series = parts_.collector.series();
  MeasurementText text{series, form_of(words.size() > 1 ? words[1] : std::string{})};
  std::string out;
  parts_.collector.latest().each([&](std::uint32_t id, const collector::Latest::Entry& entry) {
    const SeriesInfo& info = series.at(id);
    if (matches(*globs, info)) text.append(out, collector::Latest::as_batch(info, entry));
  });
  if (out.empty() && !globs->empty()) {
    error(reply,
          "mesura: error[qry-none]: no series with a value matches\n  hint      `mesura latest` without a glob shows "
          "all\n");
    return;
  }
  ok(reply, out);
}

void Requests::watch(const std::vector<std::string>& words, const std::shared_ptr<Reply>& reply) {
  auto globs = parse_globs(words, *reply);
  if (!globs) return;
  reply->send("ok\n");
  struct Watch {
    std::vector<model::Glob> globs;
    MeasurementText text;
    std::shared_ptr<Reply> reply;
    collector::Collector::SubscriptionId subscription = 0;
    std::vector<signed char> known;  // by series: -1 not asked yet, 0 no, 1 yes
    std::string out;
  };
  auto& collector = parts_.collector;
  auto state = std::make_shared<Watch>(
      Watch{std::move(*globs),
            MeasurementText{collector.series(), form_of(words.size() > 1 ? words[1] : std::string{})},
            reply,
            0,
            {},
            {}});
  state->subscription = collector.subscribe([state, &collector](const BatchPtr& batch) {
    Batch wanted = *batch;
    const auto unwanted = [&](const Measurement& m) {
      if (m.series >= state->known.size()) state->known.resize(m.series + 1, -1);
      auto& known = state->known[m.series];
      if (known < 0) known = matches(state->globs, collector.series().at(m.series)) ? 1 : 0;
      return known == 0;
    };
    wanted.items.erase(std::remove_if(wanted.items.begin(), wanted.items.end(), unwanted), wanted.items.end());
    if (wanted.items.empty()) return;
    state->out.clear();
    state->text.append(state->out, wanted);
    if (!state->reply->send(state->out)) collector.unsubscribe(state->subscription);
  });
}

/// Blocks of a device while it measures: whoever is too slow is let go, so that the device is not held back.
void Requests::waveform(const std::vector<std::string>& words, const std::shared_ptr<Reply>& reply) {
  const std::string device = words.size() > 1 ? words[1] : std::string{};
  auto& collector = parts_.collector;
  const auto devices = collector.devices();
  if (std::none_of(devices.begin(), devices.end(), [&](const auto& d) { return d.name == device; })) {
    error(*reply,
          fmt::format("mesura: error[ctl-device]: the service has no device named '{}'\n  hint      `mesura status` "
                      "shows all\n",
                      device));
    return;
  }
  reply->send("ok\n");
  struct Tap {
    std::string device;
    std::shared_ptr<Reply> reply;
    WaveformWriter writer;
    collector::Collector::SubscriptionId subscription = 0;
    std::string out;
  };
  auto tap = std::make_shared<Tap>(Tap{device, reply, {}, 0, {}});
  tap->subscription = collector.subscribe([tap, &collector](const BatchPtr& batch) {
    if (!batch->waveform || batch->device != tap->device) return;
    tap->out.clear();
    tap->writer.append(tap->out, *batch);
    if (!tap->reply->send(tap->out)) collector.unsubscribe(tap->subscription);
  });
}

void Requests::spool(const std::vector<std::string>& words, Reply& reply) {
  const std::string what = words.size() > 1 ? words[1] : std::string{};
  const std::string name = words.size() > 2 ? words[2] : std::string{};
  pipeline::SinkQueue* queue = parts_.collector.queue(name);
  if (queue == nullptr) {
    error(reply,
          fmt::format("mesura: error[ctl-sink]: no sink is named '{}'\n  hint      `mesura status` shows all\n", name));
    return;
  }
  if (what == "state") {
    const auto status = queue->status();
    ok(reply, fmt::format("{}\t{}\t{}\n", status.counts.spooled + status.counts.waiting, to_string(status.state),
                          status.last_error));
  } else if (what == "hurry") {
    queue->hurry();
    ok(reply, "");
  } else if (what == "requeue") {
    std::vector<std::int64_t> ids;
    for (std::size_t i = 3; i < words.size(); ++i) {
      std::int64_t id = 0;
      const char* end = words[i].data() + words[i].size();
      if (const auto parsed = std::from_chars(words[i].data(), end, id);
          parsed.ec != std::errc{} || parsed.ptr != end) {
        // None left would mean all.
        error(reply, fmt::format("mesura: error[ctl-id]: expected the number of a dead letter, got '{}'\n", words[i]));
        return;
      }
      ids.push_back(id);
    }
    try {
      const std::size_t count = queue->requeue(ids);
      ok(reply, fmt::format("{}: {} dead letters wait to be written again\n", name, count));
    } catch (const spool::SpoolError& e) {
      error(reply, fmt::format("mesura: error[{}]\n", e.what()));
    }
  } else {
    error(reply, fmt::format("mesura: error[ctl-unknown]: the service knows no request 'spool {}'\n", what));
  }
}

void Requests::log(const std::vector<std::string>& words, Reply& reply) {
  const std::string level = words.size() > 1 ? words[1] : std::string{};
  const std::string device = words.size() > 2 ? words[2] : std::string{};
  if (!device.empty()) {
    const auto devices = parts_.collector.devices();
    if (std::none_of(devices.begin(), devices.end(), [&](const auto& d) { return d.name == device; })) {
      error(reply,
            fmt::format("mesura: error[ctl-device]: no device is named '{}'\n  hint      `mesura status` shows all\n",
                        device));
      return;
    }
  }
  if (level == "default") {
    parts_.default_level(device);
  } else if (const auto parsed = runtime::parse_level(level)) {
    if (device.empty())
      parts_.log->set_level(*parsed);
    else
      parts_.log->set_level("device." + device, *parsed);
  } else {
    error(reply,
          fmt::format("mesura: error[ctl-level]: expected error, warn, info, debug, trace or default, got '{}'\n",
                      level));
    return;
  }
  ok(reply, fmt::format("log level of {} is {}\n", device.empty() ? "everything" : device, level));
}

}  // namespace mesura::service
