using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.CommandLine;
using RedisClusterOps.Console.Output;

namespace RedisClusterOps.Console.Commands;

/// <summary>A command that changes slots: the options that all of them have, and one way to run them.</summary>
internal sealed class OperationCommand : Command
{
    private readonly Screen _screen;
    private readonly ClusterOptions _cluster = new();
    private readonly MoveOptionSet? _move;
    private readonly Option<string?>? _journalPath;
    private readonly Option<bool> _whatIf = new("--what-if") { Description = "Read and check everything, print the plan, write nothing." };
    private readonly Option<bool> _json = JsonOption.Create();

    /// <param name="movesKeys">Whether it has the options of how keys move; else it only writes down what it does.</param>
    /// <param name="movesWhole">Whether it may move many slots whole.</param>
    /// <param name="own">The options of this command alone.</param>
    public OperationCommand(Screen screen, string name, string description, bool movesKeys, bool movesWhole, params Option[] own)
        : base(name, description)
    {
        _screen = screen;
        foreach (var option in (Option[])[.. own, _whatIf, _json])
            Add(option);
        if (movesKeys)
            (_move = new MoveOptionSet()).AddTo(this, movesWhole);
        else
            Add(_journalPath = JournalOption.Create());
        _cluster.AddTo(this);
    }

    /// <summary>Each slot is planned when its turn comes.</summary>
    public void RunSlots(string operation, Option<int[]> slots, Func<RedisCluster, int, ParseResult, MoveOptions, CancellationToken, Task<SlotPlan>> plan) =>
        Run((run, redis, parsed, options, stop) => run.SlotsAsync(operation, parsed.GetValue(slots)!, slot => plan(redis, slot, parsed, options, stop), stop));

    /// <summary>The cluster itself, or the journal, says which slots; all are planned before the first is touched.</summary>
    /// <param name="none">What to say where there is none.</param>
    public void RunAll(string none, Func<RedisCluster, ParseResult, MoveOptions, CancellationToken, Task<IReadOnlyList<SlotPlan>>> plan) =>
        Run(async (run, redis, parsed, options, stop) => await run.PlansAsync(await plan(redis, parsed, options, stop), none, stop));

    /// <summary>Many slots move whole, by one plan.</summary>
    public void RunMoves(Func<RedisCluster, ParseResult, MoveOptions, CancellationToken, Task<RedisRebalancePlan>> plan) =>
        Run(async (run, redis, parsed, options, stop) => await run.MovesAsync(await plan(redis, parsed, options, stop), options, stop));

    /// <summary>Runs it in a way of its own.</summary>
    public void Run(Func<OperationRun, RedisCluster, ParseResult, MoveOptions, CancellationToken, Task<int>> work) => SetAction(async (parsed, stop) =>
    {
        var session = await _cluster.ReadAsync(parsed, _screen, stop);
        using var log = new OperationLog();
        using var redis = new RedisCluster(session, log);
        var run = new OperationRun(_screen, redis, log, session, parsed) { IsRehearsal = parsed.GetValue(_whatIf), Json = parsed.GetValue(_json) };
        var options = _move?.Read(parsed) ?? new MoveOptions { JournalPath = JournalOption.Read(parsed, _journalPath!) };
        return await work(run, redis, parsed, options, stop);
    });
}
