using System;
using System.Diagnostics;
using System.Globalization;
using System.Threading.Tasks;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace RedisClusterOps.Console.Output;

/// <summary>Shows what a running operation tells: drawn in place on a terminal, as plain lines anywhere else.</summary>
internal sealed class MoveProgress(Screen screen, OperationLog log)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    // A log file wants a sign of life, not a film.
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(5);

    private MovePace? _pace;

    /// <summary>Shows events until the work is done, and returns what it came to.</summary>
    public Task<T> FollowAsync<T>(int slot, Task<T> work) => FollowAsync("slot " + slot.ToString(CultureInfo.InvariantCulture), work);

    /// <summary>Shows events until the work is done, and returns what it came to.</summary>
    public async Task<T> FollowAsync<T>(string title, Task<T> work)
    {
        _pace = null;
        if (screen.IsLive)
            await DrawAsync(title, work);
        else
            await WriteLinesAsync(title, work);
        return await work;
    }

    private Task DrawAsync(string title, Task work) => screen.Err.Progress()
        .AutoClear(true)
        .HideCompleted(false)
        .Columns(new TaskDescriptionColumn(), new ProgressBarColumn { Width = BarWidth() }, new PaceColumn(this))
        .StartAsync(async context =>
        {
            var bar = context.AddTask(Markup.Escape(title), maxValue: 1);
            await WatchAsync(work, () => bar.Value = _pace?.Share ?? 0);
        });

    // What the bar's neighbours need comes first: a line that wraps is drawn over and over.
    private int BarWidth() => Math.Clamp(screen.Err.Profile.Width - 80, 5, 40);

    private Task WriteLinesAsync(string title, Task work)
    {
        var sinceLine = Stopwatch.StartNew();
        MovePace? written = null;
        return WatchAsync(work, () =>
        {
            if (_pace is null || _pace == written || sinceLine.Elapsed < BetweenLines)
                return;
            screen.Note(title + "  " + _pace);
            written = _pace;
            sinceLine.Restart();
        });
    }

    private async Task WatchAsync(Task work, Action look)
    {
        while (true)
        {
            // Looked at before the queue: whatever the work put in before it ended is then still taken out.
            var ended = work.IsCompleted;
            while (log.TryTake(out var taken, TimeSpan.Zero) && taken is not null)
                Show(taken);
            look();
            if (ended)
                return;
            await Task.WhenAny(work, Task.Delay(Look));
        }
    }

    private void Show(OperationEvent taken)
    {
        switch (taken.Kind)
        {
            case OperationEventKind.Progress:
                _pace = MovePace.Of(taken);
                break;
            case OperationEventKind.Warning:
                screen.Warning(taken.Message);
                break;
            default:
                screen.Note("  " + taken.Message);
                break;
        }
    }

    private sealed class PaceColumn(MoveProgress progress) : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(progress._pace?.ToString() ?? string.Empty);
    }
}
