using System;
using System.Management.Automation.Host;
using System.Text;
using RedisClusterOps.Reports;

namespace RedisClusterOps;

/// <summary>What the screen of a cmdlet's host can show.</summary>
internal static class HostScreen
{
    private const int UnknownWidth = 80;

    // All the signs of a picture: an encoding that has them brings them back.
    private const string Signs = "◆×█…";

    /// <param name="width">Columns that were asked for; 0 for those of the host.</param>
    /// <param name="isShownHere">Nothing follows in the pipeline. Before 7.2 PowerShell does not take colours out of what goes into a file.</param>
    public static ScreenTraits Of(PSHost? host, object? style, int width, bool isShownHere)
    {
        var color = host?.UI?.SupportsVirtualTerminal == true
            && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
            && !Console.IsOutputRedirected
            && (RenderingOf(style) is { } rendering ? rendering != "PlainText" : isShownHere);
        return new ScreenTraits(width > 0 ? width : WidthOf(host), CanWrite(Console.OutputEncoding), color);
    }

    // $PSStyle is there from 7.2 on, which the assembly that this is compiled against is not.
    private static string? RenderingOf(object? style) =>
        style?.GetType().GetProperty("OutputRendering")?.GetValue(style)?.ToString();

    // A host without a screen says so in many ways.
    private static int WidthOf(PSHost? host)
    {
        try
        {
            // One column is left free: some hosts begin a new line in the last one.
            return host?.UI?.RawUI?.WindowSize.Width is { } columns and > 0 ? Math.Max(ScreenTraits.Narrowest, columns - 1) : UnknownWidth;
        }
        catch (Exception none) when (none is NotImplementedException or HostException or InvalidOperationException or System.IO.IOException or PlatformNotSupportedException)
        {
            return UnknownWidth;
        }
    }

    private static bool CanWrite(Encoding encoding) => encoding.GetString(encoding.GetBytes(Signs)) == Signs;
}
