// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/compat/context.hpp"

#include <utility>

namespace mesura::http::compat {

Response text_response(int status, std::string body) {
  Response response;
  response.status = status;
  response.content_type = "text/plain";
  response.body = std::move(body);
  response.etag = false;
  return response;
}

std::string first_line(const std::string& what) { return what.substr(0, what.find('\n')); }

}  // namespace mesura::http::compat
