using System.CommandLine;

namespace RedisClusterOps.Console.CommandLine;

/// <summary>Which slots.</summary>
internal static class SlotOption
{
    public const string Name = "--slot";

    public static Option<int[]> Create(string description, bool required = false) => new(Name)
    {
        Description = description,
        HelpName = "slot",
        Required = required,
        AllowMultipleArgumentsPerToken = true,
        CustomParser = ParameterParsers.Slots,
    };

    public static Option<int[]> Required() => Create("The slot, 0 to 16383; several may be given.", required: true);
}
