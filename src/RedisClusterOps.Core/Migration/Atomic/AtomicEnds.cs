using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Migration.Atomic;

/// <summary>
/// How long an atomic migration may take to show progress, and how often it may fail. Nothing here limits a migration that progresses.
/// </summary>
internal sealed record AtomicLimits
{
    /// <summary>Tasks to start: Valkey never retries by itself, and no server does after a restart.</summary>
    public int Attempts { get; init; } = 3;

    /// <summary>Attempts of one Redis task, which retries every second until it is cancelled.</summary>
    public int ServerAttempts { get; init; } = 5;

    /// <summary>The wait for another migration on one of the nodes to end.</summary>
    public TimeSpan Turn { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The time without progress.</summary>
    public TimeSpan Stall { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The wait for a node that does not answer: a restart and a failover take less.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(45);

    /// <summary>The wait until both ends agree on the owner.</summary>
    public TimeSpan Agreement { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The wait until the source has deleted the transferred keys, if it deletes them one by one.</summary>
    public TimeSpan Trim { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>The wait for a cancellation to take effect.</summary>
    public TimeSpan Cancel { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>What both ends report at one moment: their views, and the tasks that they list.</summary>
internal sealed record AtomicObservation(NodeView Source, NodeView Target, IReadOnlyList<AtomicTask> Host, IReadOnlyList<AtomicTask> Peer);

/// <summary>Reads both ends of an atomic migration. Waits for a node that temporarily does not answer.</summary>
internal sealed class AtomicEnds(
    ClusterReader reader,
    IAtomicServer server,
    ClusterNode source,
    ClusterNode target,
    AtomicLimits limits,
    OperationLog? log,
    IClock clock)
{
    private static readonly TimeSpan SilencePause = TimeSpan.FromMilliseconds(250);

    public async Task<AtomicObservation> ObserveAsync(CancellationToken cancellation)
    {
        var host = ReadAsync(server.Host, cancellation);
        var peer = ReadAsync(server.Peer, cancellation);
        await Task.WhenAll(host, peer).ConfigureAwait(false);
        var (ofHost, ofPeer) = (await host.ConfigureAwait(false), await peer.ConfigureAwait(false));
        return ReferenceEquals(server.Host, source)
            ? new AtomicObservation(ofHost.View, ofPeer.View, ofHost.Tasks, ofPeer.Tasks)
            : new AtomicObservation(ofPeer.View, ofHost.View, ofHost.Tasks, ofPeer.Tasks);
    }

    /// <summary>Reads both ends once they agree on the owners of the slots.</summary>
    /// <exception cref="RedisOperationException">ClusterViewConflict: they do not agree in time.</exception>
    public async Task<AtomicObservation> SettledAsync(SlotSet slots, CancellationToken cancellation)
    {
        for (var started = clock.Now; ;)
        {
            var observed = await ObserveAsync(cancellation).ConfigureAwait(false);
            var disputed = slots.Slots.Where(slot => observed.Source.OwnerOf(slot) != observed.Target.OwnerOf(slot)).Take(1).ToList();
            if (disputed.Count == 0)
                return observed;
            if (clock.Now - started > limits.Agreement)
            {
                throw AtomicText.Failed(
                    FailureCode.ClusterViewConflict,
                    source.Name + " and " + target.Name + " do not agree on the owner of slot " + SlotSet.From(disputed),
                    new NextAction(NextActionCode.CheckCluster));
            }

            await clock.PauseAsync(TimeSpan.FromMilliseconds(20), cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>The slots that the source still owns. Those that the target owns are done.</summary>
    /// <exception cref="RedisOperationException">SlotNotOwned: one of them belongs to another node, or to none.</exception>
    public SlotSet Left(AtomicObservation observed, SlotSet slots)
    {
        var left = new List<int>();
        foreach (var slot in slots.Slots)
        {
            var owner = observed.Source.OwnerOf(slot);
            if (owner == source.Id)
                left.Add(slot);
            else if (owner != target.Id)
                throw NotOwned(SlotSet.From([slot]), owner is null ? null : observed.Source.Line(owner)?.Endpoint?.ToString() ?? owner);
        }

        return SlotSet.From(left);

        RedisOperationException NotOwned(SlotSet slot, string? owner) => AtomicText.Failed(
            FailureCode.SlotNotOwned,
            "slot " + slot + (owner is null ? " has no owner" : " belongs to " + owner + ", not to " + source.Name),
            new NextAction(NextActionCode.ShowNodes));
    }

    /// <summary>
    /// Requires that both ends are masters without open slots. The servers refuse otherwise, some of them only after the start.
    /// </summary>
    /// <exception cref="RedisOperationException">StalePlan or SlotStateUnsuitable.</exception>
    public void RequireReady(AtomicObservation observed)
    {
        foreach (var (node, view) in new[] { (source, observed.Source), (target, observed.Target) })
        {
            if (!view.Self.IsMaster)
                throw AtomicText.Failed(FailureCode.StalePlan, node.Name + " is a replica now", new NextAction(NextActionCode.ShowNodes));
            var open = SlotSet.From(view.Self.MigratingTo.Keys.Concat(view.Self.ImportingFrom.Keys));
            if (open.Count > 0)
            {
                var until = open.Count == 1 ? "it is" : "they are";
                throw AtomicText.Failed(
                    FailureCode.SlotStateUnsuitable,
                    node.Name + " has " + AtomicText.Of(open) + " open and rejects atomic migrations until " + until
                        + " completed or undone",
                    new NextAction(NextActionCode.Complete) { Slots = open.Ranges[0].First.ToString(CultureInfo.InvariantCulture) });
            }
        }
    }

    /// <summary>The tasks that the host lists.</summary>
    public Task<IReadOnlyList<AtomicTask>> ListAsync(CancellationToken cancellation) =>
        PatientlyAsync(server.Host, () => reader.ReadTasksAsync(server.Host, cancellation), cancellation);

    private Task<(NodeView View, IReadOnlyList<AtomicTask> Tasks)> ReadAsync(ClusterNode node, CancellationToken cancellation) =>
        PatientlyAsync(node, () => reader.ReadViewThenTasksAsync(node, cancellation), cancellation);

    private async Task<T> PatientlyAsync<T>(ClusterNode node, Func<Task<T>> read, CancellationToken cancellation)
    {
        TimeSpan? silentSince = null;
        while (true)
        {
            var asked = clock.Now;
            try
            {
                return await read().ConfigureAwait(false);
            }
            catch (RedisOperationException failure) when (IsSilence(failure))
            {
                if (silentSince is null)
                    log?.Warning(null, failure.Message.TrimEnd('.') + ". Waiting for it.");
                silentSince ??= asked;
                if (clock.Now - silentSince > limits.Silence)
                    throw Silent(node, failure);
            }

            await clock.PauseAsync(SilencePause, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>True if a node does not answer, or has only just been started.</summary>
    public static bool IsSilence(RedisOperationException failure) =>
        failure.Code is FailureCode.ConnectionFailed or FailureCode.NodeUnreachable or FailureCode.NodeLoading;

    public static RedisOperationException Silent(ClusterNode node, Exception failure) => new(
        FailureCode.NodeUnreachable,
        node.Name + " does not answer: " + failure.Message.TrimEnd('.'),
        node.Name,
        new NextAction(NextActionCode.CheckCluster),
        failure);
}
