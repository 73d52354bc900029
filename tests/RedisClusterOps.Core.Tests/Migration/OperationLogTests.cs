using System;
using System.Collections.Generic;
using System.Linq;
using Xunit;

namespace RedisClusterOps.Core.Tests.Migration;

public sealed class OperationLogTests
{
    [Fact]
    public void A_warning_is_never_dropped_however_many_events_wait()
    {
        using var log = new OperationLog();
        for (var number = 0; number < 15_000; number++)
            log.State(number % 16384, "step " + number);
        for (var number = 0; number < 12_000; number++)
            log.Warning(null, "warning " + number);
        var warnings = Taken(log).Where(taken => taken.Kind == OperationEventKind.Warning).ToList();
        Assert.Equal(Enumerable.Range(0, 12_000).Select(number => "warning " + number), warnings.Select(taken => taken.Message));
    }

    [Fact]
    public void What_is_dropped_is_counted_and_reported_once()
    {
        using var log = new OperationLog();
        for (var number = 0; number < 12_345; number++)
            log.State(null, "step " + number);
        var taken = Taken(log);
        Assert.Equal(10_001, taken.Count);
        const string Dropped = "2345 verbose, debug and progress messages were dropped because they came faster than they were read.";
        Assert.Equal((OperationEventKind.State, Dropped), (taken[^1].Kind, taken[^1].Message));
        log.State(null, "the next");
        Assert.Equal(["the next"], Taken(log).Select(one => one.Message));
    }

    private static List<OperationEvent> Taken(OperationLog log)
    {
        var taken = new List<OperationEvent>();
        while (log.TryTake(out var next, TimeSpan.Zero))
            taken.Add(next!);
        return taken;
    }
}
