// infer/export.h - which symbols the shared library shows. Nothing here is for users.
#ifndef INFER_EXPORT_H_
#define INFER_EXPORT_H_

#if defined(INFER_STATIC_DEFINE)
#define INFER_API
#elif defined(_WIN32)
#if defined(INFER_BUILDING)
#define INFER_API __declspec(dllexport)
#else
#define INFER_API __declspec(dllimport)
#endif
#else
#define INFER_API [[gnu::visibility("default")]]
#endif

#endif  // INFER_EXPORT_H_
