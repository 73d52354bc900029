using System;
using System.CommandLine;

namespace RedisClusterOps.Console.CommandLine;

/// <summary>The options of how keys move, as every command that moves keys has them.</summary>
internal sealed class MoveOptionSet
{
    private static readonly MoveOptions Defaults = new();

    private readonly Option<int> _batchSize = new("--batch-size")
    {
        Description = "Keys per MIGRATE; 0 lets --max-stall decide.",
        HelpName = "keys",
        CustomParser = ParameterParsers.WholeNumber("--batch-size", 0, 100_000),
        DefaultValueFactory = _ => Defaults.BatchSize,
    };

    private readonly Option<TimeSpan> _maxStall = new("--max-stall")
    {
        Description = "How long one MIGRATE, which blocks both nodes, may take while the batch size is adaptive (default 10ms).",
        HelpName = "time",
        CustomParser = ParameterParsers.Duration("--max-stall"),
    };

    private readonly Option<int> _maxKeysPerSecond = new("--max-keys-per-second")
    {
        Description = "Keys per second over the whole move; 0 for as fast as it goes.",
        HelpName = "keys",
        CustomParser = ParameterParsers.WholeNumber("--max-keys-per-second", 0, int.MaxValue),
        DefaultValueFactory = _ => Defaults.MaxKeysPerSecond,
    };

    private readonly Option<TimeSpan> _timeout = new("--timeout")
    {
        Description = "Timeout of one MIGRATE (default 60s).",
        HelpName = "time",
        CustomParser = ParameterParsers.Duration("--timeout"),
    };

    private readonly Option<KeyConflictAction> _onKeyConflict = new("--on-key-conflict")
    {
        Description = "What to do with a key that holds different values on both sides. The losing value is saved to a file first.",
        HelpName = string.Join('|', Enum.GetNames<KeyConflictAction>()),
        CustomParser = ParameterParsers.NameOf<KeyConflictAction>("--on-key-conflict"),
        DefaultValueFactory = _ => Defaults.OnKeyConflict,
    };

    private readonly Option<MoveMethod> _method = new("--method")
    {
        Description = "How slots move whole: by the servers themselves where they can (Auto), or not at all (Atomic), or key by key.",
        HelpName = string.Join('|', Enum.GetNames<MoveMethod>()),
        CustomParser = ParameterParsers.NameOf<MoveMethod>("--method"),
        DefaultValueFactory = _ => Defaults.Method,
    };

    private readonly Option<int> _maxParallel = new("--max-parallel")
    {
        Description = "Pairs of masters at work at once; 0 for as many as there are, up to 16.",
        HelpName = "pairs",
        CustomParser = ParameterParsers.WholeNumber("--max-parallel", 0, 64),
        DefaultValueFactory = _ => Defaults.MaxParallel,
    };

    private readonly Option<string?> _journalPath = JournalOption.Create();

    /// <param name="movesWhole">Whether slots move whole: by which method, and how many pairs at once.</param>
    public void AddTo(Command command, bool movesWhole = false)
    {
        if (movesWhole)
        {
            command.Add(_method);
            command.Add(_maxParallel);
        }

        command.Add(_onKeyConflict);
        command.Add(_batchSize);
        command.Add(_maxStall);
        command.Add(_maxKeysPerSecond);
        command.Add(_timeout);
        command.Add(_journalPath);
    }

    public MoveOptions Read(ParseResult parsed) => new()
    {
        BatchSize = parsed.GetValue(_batchSize),
        MaxStall = parsed.GetResult(_maxStall) is null ? Defaults.MaxStall : parsed.GetValue(_maxStall),
        MaxKeysPerSecond = parsed.GetValue(_maxKeysPerSecond),
        Timeout = parsed.GetResult(_timeout) is null ? Defaults.Timeout : parsed.GetValue(_timeout),
        OnKeyConflict = parsed.GetValue(_onKeyConflict),
        Method = parsed.GetValue(_method),
        MaxParallel = parsed.GetValue(_maxParallel),
        JournalPath = JournalOption.Read(parsed, _journalPath),
    };
}
