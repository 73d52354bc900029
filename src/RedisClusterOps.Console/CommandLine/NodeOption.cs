using System.CommandLine;

namespace RedisClusterOps.Console.CommandLine;

/// <summary>One end of a migration.</summary>
internal static class NodeOption
{
    public static Option<string?> Source(string what) => Create("--source", what);

    public static Option<string?> Target(string what) => Create("--target", what);

    private static Option<string?> Create(string name, string what) => new(name) { Description = what + ": id, unique id prefix or host:port.", HelpName = "node" };
}
