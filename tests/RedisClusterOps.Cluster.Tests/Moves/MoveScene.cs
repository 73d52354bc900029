using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.FrontDoor;
using RedisClusterOps.Console.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>A cluster with keys in every slot, and rco as a process that moves a part of the slots to the last master, or back from it.</summary>
internal sealed class MoveScene : IAsyncDisposable
{
    private readonly RcoHome _rco = new();
    private readonly string[] _options;
    private int _trials;

    private MoveScene(FilledCluster cluster, string[] options)
    {
        Cluster = cluster;
        _options = options;
        Journal = _rco.Folder("journal-0");
    }

    public FilledCluster Cluster { get; }

    public LocalNode Last => Cluster.Nodes[^1];

    /// <summary>The journal's folder of the present trial.</summary>
    public string Journal { get; private set; }

    /// <param name="options">More of rco's, such as the method.</param>
    public static async Task<MoveScene> StartAsync(string server, int keys, string[] options, Func<LocalClusterOptions, LocalClusterOptions>? with = null, int masters = 4) => new(
        await FilledCluster.StartAsync(server, keys, masters, with: lab =>
        {
            // A drained master is to be filled again.
            lab = lab with { ConfigLines = ["cluster-allow-replica-migration no"] };
            return with?.Invoke(lab) ?? lab;
        }),
        options);

    /// <summary>Forgets the trial before.</summary>
    /// <returns>The work of this one: the last master gets its share, or gives everything away.</returns>
    public async Task<MoveWork> BeginAsync()
    {
        Journal = _rco.Folder("journal-" + ++_trials);
        var before = await Cluster.OwnersAsync();
        var fills = !before.Contains(Cluster.Nodes.Count - 1);
        var options = fills
            ? new RebalanceOptions { UseEmptyMaster = true, Threshold = 0 }
            : new RebalanceOptions { Weights = new Dictionary<string, double> { [Last.Id] = 0 }, Threshold = 0 };
        using var core = new RedisCluster(Cluster.Session);
        var plan = await core.PlanRebalanceAsync(options, new MoveOptions(), default);
        string[] command = ["rebalance", "--threshold", "0", .. fills ? ["--use-empty-master"] : new[] { "--weight", Last.Id + "=0" }];
        return new MoveWork(command, before, Cluster.OwnersIn(plan.After));
    }

    public RcoProcess Start(params string[] command) => _rco.Start([.. Completed(command), .. _options]);

    public Task<RcoRun> RunAsync(params string[] command) => _rco.RunAsync([.. Completed(command), .. _options]);

    /// <summary>The same with other options of how to move.</summary>
    public Task<RcoRun> RunWithAsync(string[] options, params string[] command) => _rco.RunAsync([.. Completed(command), .. options]);

    /// <summary>What the journal holds of the trial, newest first.</summary>
    public IReadOnlyList<RedisMigration> Runs() => RedisCluster.GetMigrations(Journal, null);

    public void LoseJournal() => Directory.Delete(Journal, recursive: true);

    /// <summary>Every slot has the owner it should have, and every key is there.</summary>
    public async Task AssertEndedAsync(IReadOnlyList<int> owners)
    {
        Assert.Equal(owners, await Cluster.OwnersAsync());
        await Cluster.AssertInOrderAsync();
    }

    /// <summary>How far a run came before it was killed, in a few words.</summary>
    public async Task<string> WhereAsync(MoveWork work)
    {
        var owners = await Task.WhenAll(Cluster.Nodes.Select(TestCluster.OwnLineOfAsync));
        var moved = Enumerable.Range(0, work.Before.Count).Count(slot => work.Before[slot] != work.After[slot] && owners[work.After[slot]].Slots.Contains(slot));
        var open = owners.Sum(own => own.MigratingTo.Count);
        var run = Runs().SingleOrDefault();
        return moved + " of " + work.SlotCount + " slots moved, " + open + " open, the journal says " + (run is null ? "nothing" : run.State + " with " + run.SlotsDone + " done");
    }

    public async ValueTask DisposeAsync()
    {
        _rco.Dispose();
        await Cluster.DisposeAsync();
    }

    private string[] Completed(string[] command) =>
    [
        .. command, "--json", "--journal-path", Journal,
        "--cluster", string.Join(',', Cluster.Nodes.Where(node => node.IsRunning).Select(node => node.Endpoint)),
    ];
}

/// <summary>What rco is told, and who owns each slot before and after, by index of the node.</summary>
internal sealed record MoveWork(string[] Command, IReadOnlyList<int> Before, IReadOnlyList<int> After)
{
    public int SlotCount => Before.Zip(After, (before, after) => before != after).Count(moves => moves);
}
