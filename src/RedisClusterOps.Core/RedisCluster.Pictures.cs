using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Cluster;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Reports;

namespace RedisClusterOps;

/// <content>The cluster to be looked at.</content>
public sealed partial class RedisCluster
{
    /// <summary>Which master holds which slots, drawn for a screen.</summary>
    internal async Task<RedisSlotMap> GetSlotMapAsync(ScreenTraits screen, CancellationToken cancellation) =>
        RedisSlotMap.Of(SlotChart.Of(await _reader.ReadAsync(null, cancellation).ConfigureAwait(false)), screen, _session);

    /// <summary>All that a report tells, of one moment.</summary>
    /// <param name="watch">When something is an alert. The watcher's file is read, where one is named, and left as it is: to remember is the watcher's, and a report is a look of somebody else.
    /// A journal that can't be read is told of in the report.</param>
    /// <exception cref="RedisOperationException">StateFileUnavailable: it is another cluster's.</exception>
    internal async Task<ClusterReport> GetReportAsync(HealthOptions options, AlertOptions watch, CancellationToken cancellation)
    {
        var view = await _reader.ReadAsync(ProcessorWatch.Everywhere, cancellation).ConfigureAwait(false);
        var remembered = Recall(watch.StatePath, view);
        var health = await TestAsync(view, options, cancellation, watch.JournalPath).ConfigureAwait(false);
        var now = _reader.Clock.UtcNow;
        var (alerts, _) = AlertWatch.Look(view, health, remembered, now, watch.StuckAfter);
        var book = new SightBook(remembered, now);
        IReadOnlyList<RedisMigration> runs = [];
        string? trouble = null;
        try
        {
            runs = History(watch.JournalPath).Read(run => run.NodeIds.Any(node => view.Node(node) is not null));
        }
        catch (RedisOperationException unreadable) when (unreadable.Code == FailureCode.JournalUnavailable)
        {
            trouble = unreadable.Message;
        }

        // Told of only now: what a watcher saw get on is no exact time, as the journal's is.
        health = health with { OpenSlots = health.OpenSlots.Select(slot => AlertWatch.Told(slot, book)).ToList() };
        return new ClusterReport(health, SlotChart.Of(view), runs, view.TakenAtUtc, trouble)
        {
            Alerts = alerts,
            StuckAfter = watch.StuckAfter,
            NextActionText = NextActionText,
        };
    }
}
