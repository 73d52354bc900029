using System;
using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;
using RedisClusterOps.Completion;

namespace RedisClusterOps.Commands;

/// <summary>Measures what an application on StackExchange.Redis sees: errors, redirects, latency and lost writes.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "RedisClusterClient")]
[OutputType(typeof(RedisClientSample))]
public sealed class MeasureRedisClusterClientCommand : RedisClusterCmdlet
{
    /// <summary>Uses keys of these slots: numbers and ranges from 0 to 16383, such as 5519, 0-5460 or '1,5-9'.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Slots]
    [ArgumentCompleter(typeof(SlotCompleter))]
    public int[]? Slot { get; set; }

    /// <summary>Uses these keys.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[]? Key { get; set; }

    /// <summary>Specifies how long to measure. The default is 10 s.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Duration { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Specifies the time of one sample. The default is 1 s.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Specifies the number of operations per second. The default is 200.</summary>
    [Parameter]
    [ValidateRange(1, 10_000)]
    public int Rate { get; set; } = 200;

    /// <summary>Reads two keys of one slot with each command, instead of one.</summary>
    [Parameter]
    public SwitchParameter MultiKey { get; set; }

    /// <summary>Also increments counters of its own, which it deletes at the end, and reports lost increments.</summary>
    [Parameter]
    public SwitchParameter Write { get; set; }

    internal override void Run()
    {
        ClientLoader.RequireSupport();
        var options = new ClientOptions
        {
            Duration = Duration,
            Interval = Interval,
            Rate = Rate,
            Slots = Slot,
            Keys = Key,
            MultiKey = MultiKey,
            Write = Write,
        };
        const string Activity = "Measuring as an application";
        const int Bar = 1;
        var cluster = Open();
        var elapsed = Stopwatch.StartNew();
        var (operations, lost) = (0L, 0L);
        try
        {
            while (Await(cluster.MeasureClientAsync(options, ClientLoader.Create, Stop), Activity) is { } sample)
            {
                operations += sample.Operations;
                lost += sample.LostWrites ?? 0;
                var percent = (int)Math.Min(100, 100 * elapsed.Elapsed.TotalSeconds / Duration.TotalSeconds);
                var text = operations.ToString(CultureInfo.InvariantCulture) + " operations";
                WriteProgress(new ProgressRecord(Bar, Activity, text) { PercentComplete = percent });
                WriteObject(sample);
            }
        }
        finally
        {
            // Select-Object -First ends the pipeline between two samples. What was written is deleted then, too.
            ((IAsyncResult)cluster.EndClientAsync()).AsyncWaitHandle.WaitOne();
        }

        WriteProgress(new ProgressRecord(Bar, Activity, "Done") { RecordType = ProgressRecordType.Completed });
        if (lost > 0)
        {
            WriteWarning("The cluster lost " + lost.ToString(CultureInfo.InvariantCulture)
                + (lost == 1 ? " acknowledged write." : " acknowledged writes.")
                + " The nodes replicate asynchronously: a replica that is promoted without its master (a dead master, -Mode Force or"
                + " Takeover) lacks the last writes. A slot move or a graceful failover loses none. Next: "
                + NextActionText.Of(new NextAction(NextActionCode.CheckCluster) { Options = NextActionOptions.Deep }));
        }

        // The application of the next record has other keys.
        Close();
    }
}
