/* A module with one type, "tinytype0", and the command TINY.SET key number. It includes no header of a server: it has the few
   declarations of the module API that it uses. */
typedef struct Context Context;
typedef struct Key Key;
typedef struct Text Text;
typedef struct Io Io;
typedef struct Type Type;
typedef int (*Command)(Context *, Text **, int);

typedef struct {
    unsigned long long version;
    void *(*load)(Io *, int);
    void (*save)(Io *, void *);
    void (*rewrite)(Io *, Text *, void *);
    unsigned long (*memory)(const void *);
    void (*digest)(void *, void *);
    void (*release)(void *);
} Methods;

static int (*setAttributes)(Context *, const char *, int, int);
static int (*createCommand)(Context *, const char *, Command, const char *, int, int, int);
static Type *(*createType)(Context *, const char *, int, Methods *);
static Key *(*openKey)(Context *, Text *, int);
static void (*closeKey)(Key *);
static int (*setValue)(Key *, Type *, void *);
static int (*toNumber)(const Text *, long long *);
static int (*replyNumber)(Context *, long long);
static void *(*allocate)(unsigned long);
static void (*release)(void *);
static void (*saveNumber)(Io *, long long);
static long long (*loadNumber)(Io *);
static void (*emit)(Io *, const char *, const char *, ...);
static int (*replicate)(Context *);

static Type *type;

static void *load(Io *io, int version) {
    long long *value = allocate(sizeof *value);
    (void)version;
    *value = loadNumber(io);
    return value;
}

static void save(Io *io, void *value) { saveNumber(io, *(long long *)value); }

static void rewrite(Io *io, Text *key, void *value) { emit(io, "TINY.SET", "sl", key, *(long long *)value); }

static int set(Context *context, Text **arguments, int count) {
    long long *value = allocate(sizeof *value);
    Key *key = openKey(context, arguments[1], 3);
    if (count != 3 || toNumber(arguments[2], value))
        *value = 0;
    setValue(key, type, value);
    closeKey(key);
    replicate(context);
    return replyNumber(context, 1);
}

#define GET(function, name) if (get("RedisModule_" name, (void **)&function)) return 1

int RedisModule_OnLoad(Context *context, Text **arguments, int count) {
    int (*get)(const char *, void **) = (int (*)(const char *, void **))((void **)context)[0];
    static Methods methods = { 1, load, save, rewrite, 0, 0, 0 };
    (void)arguments;
    (void)count;
    GET(setAttributes, "SetModuleAttribs");
    GET(createCommand, "CreateCommand");
    GET(createType, "CreateDataType");
    GET(openKey, "OpenKey");
    GET(closeKey, "CloseKey");
    GET(setValue, "ModuleTypeSetValue");
    GET(toNumber, "StringToLongLong");
    GET(replyNumber, "ReplyWithLongLong");
    GET(allocate, "Alloc");
    GET(release, "Free");
    GET(saveNumber, "SaveSigned");
    GET(loadNumber, "LoadSigned");
    GET(emit, "EmitAOF");
    GET(replicate, "ReplicateVerbatim");
    methods.release = release;
    setAttributes(context, "tiny", 1, 1);
    type = createType(context, "tinytype0", 0, &methods);
    return !type || createCommand(context, "tiny.set", set, "write", 1, 1, 1);
}
