using System.CommandLine;

namespace RedisClusterOps.Console.CommandLine;

/// <summary>One end of a migration.</summary>
internal static class NodeOption
{
    public static Option<string?> Source(string what) => Create("--source", what);

    public static Option<string?> Target(string what) => Create("--target", what);

    public static Option<string> RequiredTarget(string what) => new("--target") { Description = what + ": id, unique id prefix or host:port.", HelpName = "node", Required = true };

    public static Option<string[]> Sources(string what) => new("--source") { Description = what, HelpName = "node", AllowMultipleArgumentsPerToken = true };

    private static Option<string?> Create(string name, string what) => new(name) { Description = what + ": id, unique id prefix or host:port.", HelpName = "node" };
}
