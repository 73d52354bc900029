using System.CommandLine;

namespace RedisClusterOps.Console.CommandLine;

internal static class JsonOption
{
    public static Option<bool> Create() => new("--json") { Description = "Print the objects as JSON, one line each; all else goes to standard error." };
}
