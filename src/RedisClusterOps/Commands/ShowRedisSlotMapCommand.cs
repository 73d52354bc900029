using System;
using System.IO;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Text;

namespace RedisClusterOps.Commands;

/// <summary>
/// Draws a map of the slots 0 to 16383 in the terminal: which master owns which part, and where slots are open, disputed or uncovered.
/// </summary>
[Cmdlet(VerbsCommon.Show, "RedisSlotMap")]
[OutputType(typeof(RedisSlotMap))]
public sealed class ShowRedisSlotMapCommand : ClusterOnlyCmdlet
{
    /// <summary>Specifies the width in columns, at least 40. The default is the width of the host.</summary>
    [Parameter(Position = 0)]
    [ValidateRange(40, 1000)]
    public int Width { get; set; }

    /// <summary>Draws with ASCII characters only, and without colors.</summary>
    [Parameter]
    public SwitchParameter PlainText { get; set; }

    internal override void Run()
    {
        var isLastInPipeline = MyInvocation.PipelinePosition == MyInvocation.PipelineLength;
        var screen = HostScreen.Of(Host, GetVariableValue("PSStyle"), Width, isLastInPipeline);
        if (PlainText)
            screen = screen with { Unicode = false, Color = false };
        WriteObject(Await(Open().GetSlotMapAsync(screen, Stop), "Reading the cluster"));
    }

    /// <summary>Determines what the screen of the host can show.</summary>
    private static class HostScreen
    {
        private const int DefaultWidth = 80;

        // All symbols of the map. An encoding that supports them returns them unchanged.
        private const string Symbols = "◆×█…";

        /// <param name="host">The cmdlet's host.</param>
        /// <param name="style">The value of $PSStyle; null before PowerShell 7.2.</param>
        /// <param name="width">The requested columns; 0 for those of the host.</param>
        /// <param name="isLastInPipeline">Before 7.2, PowerShell does not remove colors from output that goes into a file.</param>
        public static ScreenTraits Of(PSHost? host, object? style, int width, bool isLastInPipeline)
        {
            var color = host?.UI?.SupportsVirtualTerminal == true
                && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
                && !Console.IsOutputRedirected
                && (RenderingOf(style) is { } rendering ? rendering != "PlainText" : isLastInPipeline);
            return new ScreenTraits(width > 0 ? width : WidthOf(host), CanWrite(Console.OutputEncoding), color);
        }

        // By reflection: the PowerShell 5.1 assembly that this project compiles against has no $PSStyle.
        private static string? RenderingOf(object? style) =>
            style?.GetType().GetProperty("OutputRendering")?.GetValue(style)?.ToString();

        private static int WidthOf(PSHost? host)
        {
            try
            {
                // One column stays free: some hosts wrap after writing to the last one.
                return host?.UI?.RawUI?.WindowSize.Width is { } columns and > 0
                    ? Math.Max(ScreenTraits.Narrowest, columns - 1)
                    : DefaultWidth;
            }
            catch (Exception e) when (e is NotImplementedException or HostException or InvalidOperationException or IOException
                or PlatformNotSupportedException)
            {
                // Each host without a screen has its own exception.
                return DefaultWidth;
            }
        }

        private static bool CanWrite(Encoding encoding) => encoding.GetString(encoding.GetBytes(Symbols)) == Symbols;
    }
}
