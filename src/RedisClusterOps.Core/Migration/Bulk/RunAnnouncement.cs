using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Planning.Preflight;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Bulk;

/// <summary>
/// Shows a run to every master, by the name of its connections, and finds other runs by theirs (CLIENT LIST). Of two runs on one cluster
/// one stops, even if they are on different machines and share no journal.
/// </summary>
/// <remarks>
/// A run first announces itself on all masters, then lists their clients: so of two runs at least one finds the other. A run that moves
/// slots wins over one that only announces itself; of two of the same kind the lower id wins, which is the earlier one. The winner of two
/// that announce themselves waits until the other is gone: it may have looked before, and move slots by now.
/// </remarks>
internal sealed class RunAnnouncement(ClusterReader reader, ClusterView view, string runId, OperationLog? log)
{
    // The connections of a process that was killed a moment ago are still listed, while the server runs what it had received.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    // CLIENT LIST blocks a node for a third of a microsecond for each client. So it may take a fiftieth of the time.
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);
    private const int ShareOfTime = 50;

    private static readonly RespCommand List = RespCommand.Of("CLIENT", "LIST");

    private readonly NodeProbe _probe = new(reader);
    private readonly IReadOnlyList<ClusterNode> _masters = view.Masters.Where(node => node.IsReachable).ToList();
    private TimeSpan _due;
    private int _looking;

    /// <summary>Announces the run on all masters and looks for others.</summary>
    /// <exception cref="RedisOperationException">AnotherToolAtWork: another run is in progress. Nothing was changed.</exception>
    public async Task AnnounceAsync(CancellationToken cancellation)
    {
        await NameAsync(isMoving: false, cancellation).ConfigureAwait(false);
        Warn("CLIENT SETNAME", "does not see this one", _masters.Where(node => reader.NameRefusal(node) is not null).ToList());
        try
        {
            for (var started = reader.Clock.Now; ;)
            {
                var (others, silent) = await FindAsync(cancellation).ConfigureAwait(false);
                if (others.Count == 0)
                {
                    Warn("CLIENT LIST", "is not detected", silent);
                    break;
                }

                var stronger = others.FirstOrDefault(other => other.Run.IsMoving) ?? others.FirstOrDefault(Precedes);
                if (stronger is { Run.IsMoving: false } || reader.Clock.Now - started > Patience)
                    throw Refused(stronger ?? others[0]);
                await reader.Clock.PauseAsync(Pause, cancellation).ConfigureAwait(false);
            }
        }
        catch
        {
            // The other run may wait for this.
            reader.SetConnectionName(NodeConnector.ConnectionName);
            await ConnectAllAsync(cancellation).ConfigureAwait(false);
            throw;
        }

        await NameAsync(isMoving: true, cancellation).ConfigureAwait(false);
    }

    /// <summary>Looks for other runs that move slots, unless that was done a moment ago.</summary>
    /// <returns>The run that this one has to yield to; null if there is none.</returns>
    public async Task<OtherRun?> FindStrongerAsync(CancellationToken cancellation)
    {
        if (reader.Clock.Now < _due || Interlocked.Exchange(ref _looking, 1) == 1)
            return null;
        try
        {
            var started = reader.Clock.Now;
            var (others, _) = await FindAsync(cancellation).ConfigureAwait(false);
            var pause = TimeSpan.FromTicks((reader.Clock.Now - started).Ticks * ShareOfTime);
            _due = reader.Clock.Now + (pause > Interval ? pause : Interval);
            return others.FirstOrDefault(other => other.Run.IsMoving && Precedes(other));
        }
        finally
        {
            Interlocked.Exchange(ref _looking, 0);
        }
    }

    private bool Precedes(OtherRun other) => string.CompareOrdinal(other.Run.Id, runId) < 0;

    private async Task NameAsync(bool isMoving, CancellationToken cancellation)
    {
        reader.SetConnectionName(new RunName(NodeConnector.ConnectionName, runId, isMoving).ToString());
        await ConnectAllAsync(cancellation).ConfigureAwait(false);
    }

    // A connection sends its new name when it is taken.
    private Task ConnectAllAsync(CancellationToken cancellation) => FanOut.AllAsync(
        _masters,
        async node =>
        {
            try
            {
                await reader.ConnectAsync(node, cancellation).ConfigureAwait(false);
                return true;
            }
            catch (RedisOperationException)
            {
                // A node that the run needs fails its first step, too.
                return false;
            }
        },
        cancellation);

    private async Task<(IReadOnlyList<OtherRun> Others, IReadOnlyList<ClusterNode> Silent)> FindAsync(CancellationToken cancellation)
    {
        var replies = await FanOut.AllAsync(
            _masters,
            async node => (Node: node, Reply: (await _probe.AskAsync(node, [List], cancellation).ConfigureAwait(false))?[0]),
            cancellation).ConfigureAwait(false);
        var others = replies.Where(each => each.Reply is { IsError: false })
            .SelectMany(each => ClientLine.Parse(each.Reply!.Text).Select(client => (each.Node, Client: client, client.Run)))
            .Where(each => each.Run is not null && each.Run.Id != runId)
            .Select(each => new OtherRun(each.Run!, each.Node, each.Client.Address)).ToList();
        return (others, replies.Where(each => each.Reply is { IsError: true }).Select(each => each.Node).ToList());
    }

    private RedisOperationException Refused(OtherRun other) => new(
        FailureCode.AnotherToolAtWork,
        other + ". Two runs at once undo each other's steps and lose keys, so run " + runId + " did not begin. It changed nothing.",
        other.Node.Name,
        new NextAction(NextActionCode.Advice)
        {
            Note = "CLIENT LIST on " + other.Node.Name + " shows its connection. When run " + other.Run.Id
                + " has ended, run the same command again.",
        });

    private void Warn(string command, string consequence, IReadOnlyList<ClusterNode> nodes)
    {
        if (nodes.Count > 0)
            log?.Warning(null, PreflightRules.Unseen(nodes, command, consequence));
    }
}

/// <summary>Another run of this module that is connected to the cluster.</summary>
/// <param name="Run">What the name of its connection says.</param>
/// <param name="Node">A node that it is connected to.</param>
/// <param name="Address">The address of its connection.</param>
internal sealed record OtherRun(RunName Run, ClusterNode Node, string Address)
{
    public override string ToString() =>
        "Run " + Run.Id + " of " + Printable.Clean(Run.Process, 120) + (Run.IsMoving ? " is changing slots" : " has just begun")
            + " on this cluster: it is connected to " + Node.Name + " from " + Address;
}
