using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Cluster.Tests.Processes;
using RedisClusterOps.Driver;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>A cluster with keys in every slot, and a process that moves some of the slots to the last master, or back from it.</summary>
internal sealed class MoveScene : IAsyncDisposable
{
    private readonly MoveMethod _method;

    private MoveScene(FilledCluster cluster, MoveMethod method) => (Cluster, _method) = (cluster, method);

    public FilledCluster Cluster { get; }

    public LocalNode Last => Cluster.Cluster.Masters[^1];

    /// <summary>The journal folder of the current trial.</summary>
    public string Journal { get; private set; } = JournalOfTests.NewFolder();

    public static async Task<MoveScene> StartAsync(
        string server, int keys, MoveMethod method, Func<LocalClusterOptions, LocalClusterOptions>? with = null, int replicas = 0) => new(
        await FilledCluster.StartAsync(server, keys, masters: 4, replicas, lab =>
        {
            // A drained master stays a master, so that the next trial can fill it again.
            lab = lab with { ConfigLines = ["cluster-allow-replica-migration no"] };
            return with?.Invoke(lab) ?? lab;
        }),
        method);

    /// <summary>Makes an atomic move take about a second.</summary>
    public async Task SlowServersDownAsync(int microsecondsPerKey = 150)
    {
        foreach (var node in Cluster.Nodes)
            await node.SendAsync("CONFIG", "SET", "rdb-key-save-delay", microsecondsPerKey);
    }

    /// <summary>The number of server-side migrations in progress; 0 on servers without them.</summary>
    public async Task<int> TasksAsync()
    {
        var running = 0;
        foreach (var node in Cluster.Nodes)
            running += await FilledCluster.TasksAsync(node);
        return running;
    }

    /// <summary>Begins the next trial: the last master receives its share, or hands over all its slots.</summary>
    public async Task<MoveWork> BeginAsync()
    {
        Journal = JournalOfTests.NewFolder();
        await KillScene.UntilAsync(async () => await TasksAsync() == 0);
        var before = await Cluster.OwnersAsync();
        var aim = before.Contains(Last.Index)
            ? new RebalanceOptions { Weights = new Dictionary<string, double> { [Last.Id] = 0 }, Threshold = 0 }
            : new RebalanceOptions { UseEmptyMaster = true, Threshold = 0 };
        using var core = new RedisCluster(Cluster.Session);
        var plan = await core.PlanRebalanceAsync(aim, new MoveOptions(), default);
        return new MoveWork(
            new DriverRequest { Operation = DriverOperation.Rebalance, Rebalance = aim }, before, Cluster.OwnersIn(plan.After));
    }

    /// <summary>
    /// Begins a trial that moves a part of the first master's slots to the last. The two masters between take no part in it.
    /// </summary>
    public async Task<MoveWork> BeginBesideOthersAsync(int slots = 1_000)
    {
        var before = await Cluster.OwnersAsync();
        var selection = new SlotSelection { Count = slots, Sources = [Cluster.Nodes[0].Id], Target = Last.Id };
        using var core = new RedisCluster(Cluster.Session);
        var plan = await core.PlanMoveAsync(selection, new MoveOptions(), default);
        return new MoveWork(
            new DriverRequest { Operation = DriverOperation.Move, Selection = selection }, before, Cluster.OwnersIn(plan.After));
    }

    /// <summary>Starts a process that runs this request on the cluster.</summary>
    /// <param name="keysPerSecond">0 for no limit.</param>
    public Task<OperationProcess> LaunchAsync(DriverRequest request, int keysPerSecond = 0, Host host = Host.Driver) =>
        OperationProcess.StartAsync(Complete(request, keysPerSecond), host);

    public Task<OperationEnd> RunAsync(DriverRequest request, Host host = Host.Driver) =>
        OperationProcess.RunAsync(Complete(request), host);

    public Task<OperationEnd> ResumeAsync(Host host = Host.Driver) =>
        RunAsync(new DriverRequest { Operation = DriverOperation.Resume }, host);

    public Task<OperationEnd> UndoAsync(string migrationId, Host host = Host.Driver) =>
        RunAsync(new DriverRequest { Operation = DriverOperation.UndoRun, MigrationId = migrationId }, host);

    /// <summary>Repairs every open slot. About two thousand of them take longer than other operations.</summary>
    public Task<OperationEnd> RepairAsync() =>
        OperationProcess.RunAsync(Complete(new DriverRequest { Operation = DriverOperation.Repair }), within: TimeSpan.FromMinutes(4));

    /// <summary>
    /// Asserts that the process exited within two seconds, plus some start-up times of an idle process as a measure of the load.
    /// </summary>
    public async Task AssertFastAsync(TimeSpan took)
    {
        var clock = Stopwatch.StartNew();
        using (var idle = await LaunchAsync(new DriverRequest { Operation = DriverOperation.Repair, Slot = 0 }))
            await idle.KillAsync();
        Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(2) + (5 * clock.Elapsed));
    }

    /// <summary>The trial's runs in the journal, newest first.</summary>
    public IReadOnlyList<RedisMigration> Runs() => RedisCluster.GetMigrations(Journal, null);

    public void LoseJournal() => Directory.Delete(Journal, recursive: true);

    /// <summary>Every slot has the owner it should have, and no key is missing.</summary>
    public async Task AssertEndedAsync(IReadOnlyList<int> owners)
    {
        var actual = await Cluster.OwnersAsync();
        if (!actual.SequenceEqual(owners))
            Assert.Equal(owners, actual);
        await Cluster.AssertConsistentAsync();
    }

    /// <summary>The progress of a run that was killed, in a few words.</summary>
    public async Task<string> WhereAsync(MoveWork work)
    {
        var owners = await Task.WhenAll(Cluster.Nodes.Select(TestCluster.OwnLineOfAsync));
        var moved = Enumerable.Range(0, work.Before.Count)
            .Count(slot => work.Before[slot] != work.After[slot] && owners[work.After[slot]].Slots.Contains(slot));
        var open = owners.Sum(own => own.MigratingTo.Count);
        var run = Runs().SingleOrDefault();
        var journal = run is null ? "no journal yet" : "journal " + run.State + " with " + run.SlotsDone + " done";
        return moved + " of " + work.SlotCount + " slots moved, " + open + " open, " + journal;
    }

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();

    private DriverRequest Complete(DriverRequest request, int keysPerSecond = 0) => request with
    {
        Cluster = string.Join(',', Cluster.Nodes.Where(node => node.IsRunning).Select(node => node.Endpoint)),
        Options = new MoveOptions
        {
            Method = _method,
            MaxKeysPerSecond = keysPerSecond,
            Timeout = TimeSpan.FromSeconds(5),
            JournalPath = Journal,
        },
    };
}

/// <summary>An operation that moves many slots, and the owner of each slot before and after it, by index of the node.</summary>
internal sealed record MoveWork(DriverRequest Request, IReadOnlyList<int> Before, IReadOnlyList<int> After)
{
    public int SlotCount => Before.Zip(After, (before, after) => before != after).Count(moves => moves);
}
