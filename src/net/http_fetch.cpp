#include "net/http_fetch.h"

#define CURL_DISABLE_TYPECHECK  // the functions are called by pointers
#include <curl/curl.h>

#include <memory>

#include "base/error.h"
#include "base/os/shared_library.h"

namespace vivace {
namespace {

/// libcurl, opened when something is fetched: it brings some thirty libraries along, which no other command should
/// load.
class Curl {
 public:
  static const Curl& get() {
    static const Curl curl;
    return curl;
  }

  decltype(&::curl_global_init) global_init;
  decltype(&::curl_easy_init) init;
  decltype(&::curl_easy_cleanup) cleanup;
  decltype(&::curl_easy_setopt) setopt;
  decltype(&::curl_easy_perform) perform;
  decltype(&::curl_easy_getinfo) getinfo;
  decltype(&::curl_easy_strerror) strerror;
  decltype(&::curl_slist_append) append;
  decltype(&::curl_slist_free_all) free_all;

 private:
  Curl() {
    if (!library_) {
      throw Error(ErrorCode::kUnsupported, "downloads need libcurl, which is not here",
                  "install it: apt install libcurl4");
    }
    find(global_init, "curl_global_init");
    find(init, "curl_easy_init");
    find(cleanup, "curl_easy_cleanup");
    find(setopt, "curl_easy_setopt");
    find(perform, "curl_easy_perform");
    find(getinfo, "curl_easy_getinfo");
    find(strerror, "curl_easy_strerror");
    find(append, "curl_slist_append");
    find(free_all, "curl_slist_free_all");
    global_init(CURL_GLOBAL_DEFAULT);
  }

  template <class Function>
  void find(Function& function, const char* name) const {
    function = reinterpret_cast<Function>(library_.find(name));
    if (function == nullptr) throw Error(ErrorCode::kUnsupported, std::string("libcurl has no ") + name);
  }

  SharedLibrary library_{"libcurl.so.4", "libcurl.4.dylib", "libcurl.dll"};
};

struct Easy {
  Easy() : handle(Curl::get().init()) {
    if (handle == nullptr) throw Error(ErrorCode::kOutOfMemory, "there is no memory for a transfer");
  }
  ~Easy() {
    Curl::get().cleanup(handle);
    Curl::get().free_all(headers);
  }
  Easy(const Easy&) = delete;
  Easy& operator=(const Easy&) = delete;

  CURL* handle;
  curl_slist* headers = nullptr;
};

using Take = std::function<bool(std::span<const uint8_t>)>;

size_t write_body(char* data, size_t, size_t count, void* take) {
  return (*static_cast<Take*>(take))({reinterpret_cast<const uint8_t*>(data), count}) ? count : 0;
}

void prepare(Easy& easy, const std::string& url, const HttpHeaders& headers, Take& take) {
  const Curl& curl = Curl::get();
  for (const auto& [name, value] : headers) {
    easy.headers = curl.append(easy.headers, (name + ": " + value).c_str());
  }
  curl.setopt(easy.handle, CURLOPT_URL, url.c_str());
  curl.setopt(easy.handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl.setopt(easy.handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl.setopt(easy.handle, CURLOPT_FOLLOWLOCATION, 1L);
  curl.setopt(easy.handle, CURLOPT_MAXREDIRS, 10L);
  curl.setopt(easy.handle, CURLOPT_USERAGENT, "vivace");
  curl.setopt(easy.handle, CURLOPT_CONNECTTIMEOUT, 20L);
  curl.setopt(easy.handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl.setopt(easy.handle, CURLOPT_LOW_SPEED_TIME, 60L);
  curl.setopt(easy.handle, CURLOPT_NOSIGNAL, 1L);
  curl.setopt(easy.handle, CURLOPT_WRITEFUNCTION, write_body);
  curl.setopt(easy.handle, CURLOPT_WRITEDATA, &take);
  if (easy.headers != nullptr) curl.setopt(easy.handle, CURLOPT_HTTPHEADER, easy.headers);
}

}  // namespace

FetchResult fetch_text(const std::string& url, const FetchOptions& options) {
  FetchResult result;
  bool too_large = false;
  Take take = [&](std::span<const uint8_t> part) {
    too_large = result.body.size() + part.size() > options.most_bytes;
    if (!too_large) result.body.append(reinterpret_cast<const char*>(part.data()), part.size());
    return !too_large;
  };
  Easy easy;
  prepare(easy, url, options.headers, take);
  const CURLcode code = Curl::get().perform(easy.handle);
  if (too_large) throw Error(ErrorCode::kIo, "the answer of " + url + " is too large");
  if (code != CURLE_OK) throw Error(ErrorCode::kIo, "can't reach " + url + ": " + Curl::get().strerror(code));
  long status = 0;
  Curl::get().getinfo(easy.handle, CURLINFO_RESPONSE_CODE, &status);
  result.status = int(status);
  return result;
}

void fetch_range(const std::string& url, uint64_t begin, uint64_t end, const HttpHeaders& headers,
                 const Take& take_part) {
  uint64_t come = 0;
  bool stopped = false, right = true;
  Easy easy;
  Take take = [&](std::span<const uint8_t> part) {
    long status = 0;
    Curl::get().getinfo(easy.handle, CURLINFO_RESPONSE_CODE, &status);
    // A server without ranges sends the whole: that is this range where it begins at 0 and is all there is.
    right = (status == 206 || (status == 200 && begin == 0)) && come + part.size() <= end - begin;
    if (!right) return false;
    come += part.size();
    stopped = !take_part(part);
    return !stopped;
  };
  prepare(easy, url, headers, take);
  const std::string range = std::to_string(begin) + "-" + std::to_string(end - 1);
  Curl::get().setopt(easy.handle, CURLOPT_RANGE, range.c_str());
  const CURLcode code = Curl::get().perform(easy.handle);
  if (stopped) throw Error(ErrorCode::kCancelled, "the download was stopped");
  long status = 0;
  Curl::get().getinfo(easy.handle, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 400) throw Error(ErrorCode::kIo, url + " answers with status " + std::to_string(status));
  if (!right) throw Error(ErrorCode::kIo, url + " does not give the part that was asked for");
  if (code != CURLE_OK)
    throw Error(ErrorCode::kIo, "the download of " + url + " broke off: " + Curl::get().strerror(code));
  if (come != end - begin) throw Error(ErrorCode::kIo, "the download of " + url + " ended too early");
}

}  // namespace vivace
