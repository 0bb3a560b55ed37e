// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "virtual_run.hpp"

#include "virtual_frame.hpp"
#include "virtual_time.hpp"

namespace mesura::smartmeter::twin {

Run::Run(SampleRequest asked, RowWriter rows, std::int64_t start, std::int64_t compression)
    : request(std::move(asked)),
      writer(std::move(rows)),
      start_ns(start),
      next_line(static_cast<std::uint64_t>(request.rate)),
      paused(request.flow_control),
      compression_(compression),
      row_bytes_(request.measures->row_bytes()),
      chunk_rows_(chunk_bytes(request.sink, request.rate, row_bytes_) / row_bytes_) {}

std::uint64_t Run::rows_at(std::int64_t now_ns) const {
  if (now_ns <= start_ns) return 0;
  // In seconds and the rest, because rows times nanoseconds leave 64 bits within days.
  const auto elapsed = static_cast<std::uint64_t>(now_ns - start_ns);
  const auto second = static_cast<std::uint64_t>(kSecond);
  const auto rate = static_cast<std::uint64_t>(request.rate * compression_);
  return elapsed / second * rate + elapsed % second * rate / second;
}

std::int64_t Run::due_ns(std::uint64_t rows) const {
  const auto second = static_cast<std::uint64_t>(kSecond);
  const auto rate = static_cast<std::uint64_t>(request.rate * compression_);
  return start_ns + static_cast<std::int64_t>(rows / rate * second + (rows % rate * second + rate - 1) / rate);
}

void Run::take(std::vector<std::uint8_t>& out, std::size_t rows, const Faults& faults) {
  const std::uint64_t first = taken, number = frames++;
  taken += rows;
  if (faults.drop.has(number)) return;
  const std::size_t length = rows * row_bytes_;
  const bool serial = request.sink == Sink::serial;
  const bool framed = request.prefix && request.sink != Sink::mqtt;
  const std::size_t head = framed ? kFrameHead : 0, at = out.size();
  out.resize(at + head + length + (serial ? kFrameTail : 0));
  writer.write(out.data() + at + head, first, rows);
  std::size_t payload = length;
  if (faults.ragged.has(number) && length > 3) {
    payload -= 3;
    out.resize(at + head + payload + (serial ? kFrameTail : 0));
  }
  if (framed) put_frame_head(out.data() + at, payload, static_cast<std::uint32_t>(number));
  if (serial) {
    out[out.size() - 2] = '\r';
    out[out.size() - 1] = '\n';
  }
}

}  // namespace mesura::smartmeter::twin
